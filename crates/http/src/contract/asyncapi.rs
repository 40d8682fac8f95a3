//! The AsyncAPI 3.0 document: what the services publish, made of the same types as `schemas/`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::System;

const ABOUT: &str = "\
Each service has a feed: everything it ever published, in order within each of its 16 shards, without a gap. An aggregate's events all stand in one shard. \
Events are never removed, and change by addition alone. Each is a CloudEvent (1.0): its attributes are the headers of its message, its data is the payload, \
which says by `eventType` what happened.";

/// The document of these systems. It says the same at each call.
pub fn document(systems: &[System]) -> Value {
    let (mut channels, mut operations) = (Map::new(), Map::new());
    let (mut messages, mut schemas) = (Map::new(), BTreeMap::new());
    schemas.insert("CloudEvent".to_owned(), cloud_event());
    for system in systems {
        for (service, events) in system.services.iter().flat_map(|service| &service.events) {
            let channel = format!("{}.{service}", system.name);
            for (name, schema) in events["components"]["schemas"].as_object().into_iter().flatten() {
                let known = schemas.entry(name.clone()).or_insert_with(|| schema.clone());
                debug_assert_eq!(known, schema, "two schemas have one name");
            }
            let mut offered = Map::new();
            for payload in events["oneOf"].as_array().into_iter().flatten() {
                let Some(name) = event_type(payload) else { continue };
                let message = format!("{channel}.{name}");
                offered.insert(name.into(), json!({"$ref": format!("#/components/messages/{message}")}));
                messages.insert(
                    message,
                    json!({
                        "name": name, "title": name, "summary": payload["description"], "contentType": "application/json",
                        "headers": {"$ref": "#/components/schemas/CloudEvent"}, "payload": payload,
                    }),
                );
            }
            let references: Vec<_> = offered.keys().map(|name| json!({"$ref": format!("#/channels/{channel}/messages/{name}")})).collect();
            channels.insert(
                channel.clone(),
                json!({"address": format!("{}/{service}", system.name), "title": format!("The feed of {service}"), "description": events["description"], "messages": offered}),
            );
            operations.insert(
                format!("{channel}.publish"),
                json!({"action": "send", "channel": {"$ref": format!("#/channels/{channel}")}, "summary": events["description"], "messages": references}),
            );
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Yeyak · 예약: events", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

/// Which event a payload is of.
fn event_type(payload: &Value) -> Option<&str> {
    let tag = |schema: &Value| schema.pointer("/properties/eventType/enum/0").is_some();
    let tagged = if tag(payload) { payload } else { payload["allOf"].as_array()?.iter().find(|part| tag(part))? };
    tagged.pointer("/properties/eventType/enum/0")?.as_str()
}

/// The attributes of every event.
fn cloud_event() -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    json!({
        "type": "object", "required": ["specversion", "id", "source", "type", "time", "subject", "correlationid", "causationid"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text("The event, once for all: its source, shard and place there. One that comes twice is the same."),
            "source": text("The service that published it."),
            "type": text("What happened, as `eventType` in its data."),
            "time": {"type": "string", "format": "date-time", "description": "When it happened, by the installation's clock."},
            "subject": text("The key of the aggregate to which it happened."),
            "traceparent": text("The trace it belongs to, as W3C has it, where one was begun."),
            "correlationid": text("The story it belongs to: one id for all that one request led to."),
            "causationid": text("What directly led to it: a request, an event, a call."),
        },
    })
}
