//! One request on its way through a handler: what it asks, whom it asks, and how the outcome is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use kernel::{Aggregate, Caller, Commands, Resource, Saga, Timestamp};
use runtime::{Answer, ClientKey, Outcome, Request, SagaRequest, ServiceHandle};
use serde_json::{Value, json};
use store::{Meta, StoreError};

use crate::auth::{Identity, Who};
use crate::hal::{self, Place};
use crate::{Fields, Problem, idempotency, open_caller, optional, query};

/// How long someone who is turned away because too much is going on should wait.
const COME_BACK: Duration = Duration::from_secs(1);

/// A request, read as far as every handler needs it.
pub struct Incoming {
    pub(crate) service: ServiceHandle,
    pub(crate) base: Arc<str>,
    pub(crate) method: Method,
    /// The path behind the base.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) parameters: HashMap<String, String>,
    pub(crate) at: Timestamp,
    /// After this instant nothing is begun for it any more.
    pub(crate) deadline: Timestamp,
    /// Who may ask it.
    pub(crate) who: Who,
    /// Who has proved to ask it; nobody when nobody has to.
    pub(crate) identity: Option<Identity>,
}

/// What a handler answers.
pub type Reply = Result<Response, Problem>;

impl Incoming {
    /// The fields of its body. A person who acts need not be named there.
    ///
    /// # Errors
    /// A problem when the body is no JSON object.
    pub fn fields(&self) -> Result<Fields<'_>, Problem> {
        let mut fields = Fields::parse(&self.body)?;
        if let (Some(field), Some(identity)) = (self.who.person_field(), &self.identity)
            && !identity.is_administrator()
            && !fields.contains(field)
        {
            fields.insert_text(field, identity.subject());
        }
        Ok(fields)
    }

    /// The id in its path.
    ///
    /// # Errors
    /// 404 when what stands there is no id.
    pub fn id(&self) -> Result<u64, Problem> {
        self.parameters.get("id").and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)
    }

    /// Its query, without the question mark.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// When it came in.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The service it is for.
    pub const fn service(&self) -> &ServiceHandle {
        &self.service
    }

    /// Who asks: whoever has proved it. When nobody has to, the person whom the body names where its route says that it does, or the
    /// administrator when it names nobody.
    ///
    /// # Errors
    /// A problem when the body is no JSON object.
    pub fn caller(&self) -> Result<Caller, Problem> {
        match (&self.identity, self.who.person_field()) {
            (Some(identity), _) => Ok(identity.caller()),
            (None, Some(field)) => Ok(open_caller(self.fields()?.text(field))),
            (None, None) => Ok(Caller::Administrator),
        }
    }

    /// A caller, as the one who asks may see it: the name of a person or of someone with a role is for those alone who see everything.
    fn shown_caller(&self, caller: &str) -> Value {
        let Some(identity) = self.identity.as_ref().filter(|identity| !identity.is_staff()) else { return caller.into() };
        match caller.split_once(':') {
            Some(("internal", _)) | None => caller.into(),
            Some(("person", id)) if id == identity.subject() => caller.into(),
            Some(("administrator" | "operator", _)) => caller.split(':').next().into(),
            Some(_) => Value::Null,
        }
    }

    /// The row of `R` that its path names.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn row<R: Resource>(&self) -> Result<R, Problem> {
        let row = self.service.row::<R>(self.id()?).await.map_err(unreadable)?.ok_or_else(Problem::not_found)?;
        serde_json::from_str(&row).map_err(|error| internal(&error))
    }

    /// Answers a page of the rows of `R`.
    ///
    /// # Errors
    /// 422 naming each wrong parameter.
    pub async fn list<R: Resource>(&self) -> Reply {
        let query = query::parse::<R>(&self.query)?;
        let page = self.service.rows::<R>(&query).await.map_err(unreadable)?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, hal::collection::<R>(&page, &query, self.place(), self.at))))
    }

    /// Answers the row of `R` that its path names.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn show<R: Resource>(&self) -> Reply {
        let row = self.service.row::<R>(self.id()?).await.map_err(unreadable)?.ok_or_else(Problem::not_found)?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, hal::item::<R>(&row, &self.base, self.at))))
    }

    /// Answers what happened to the row of `R` that its path names.
    ///
    /// # Errors
    /// 404 when there never was such a row.
    pub async fn history<R: Resource>(&self) -> Reply {
        let id = self.id()?;
        let (query, after) = query::parse_with::<R, _>(&self.query, optional::<u64>("after"))?;
        let size = usize::try_from(query.size).unwrap_or(usize::MAX);
        let entries = self.service.history::<R>(id, after.unwrap_or(0), size).await.map_err(unreadable)?;
        if entries.is_empty() && after.is_none() {
            return Err(Problem::not_found());
        }
        let href = format!("{}{}", self.base, self.path);
        let mut links = json!({"self": {"href": href}});
        if let Some(last) = entries.last().filter(|_| entries.len() == size) {
            links["next"] = json!({"href": format!("{href}?after={}&size={size}", last.position)});
        }
        let shown: Vec<Value> = entries
            .iter()
            .map(|entry| {
                let (name, data) = name_and_data(&entry.data);
                json!({
                    "position": entry.position, "at": entry.at.to_string(), "type": name, "data": data, "caller": self.shown_caller(&entry.meta.caller),
                    "correlation": entry.meta.correlation, "causation": entry.meta.causation,
                })
            })
            .collect();
        Ok(hal_json(StatusCode::OK, json!({"_embedded": {"history": shown}, "_links": links}).to_string()))
    }

    /// Makes a row of `R` with a new id, by a command to the aggregate `key`, and answers 201 with it.
    ///
    /// # Errors
    /// The refusal, as a problem.
    pub async fn create<R: Resource, A: Aggregate>(
        &self,
        caller: &Caller,
        key: A::Key,
        command: impl Fn(u64) -> A::Command + Send + Sync + 'static,
    ) -> Reply {
        let name = key.to_string();
        let make = move |ids: &mut runtime::Ids<'_>| Commands::to::<A>(&key, command(ids.next(R::COLLECTION)));
        self.created::<R>(Request::make(make, self.meta(caller)).about(vec![(A::NAME, name)]), caller).await
    }

    async fn created<R: Resource>(&self, request: Request, caller: &Caller) -> Reply {
        let request = request
            .counts(&[R::COLLECTION])
            .answered(StatusCode::CREATED.as_u16(), Some(R::COLLECTION))
            .once(self.client_key(caller)?)
            .before(self.deadline);
        self.answer::<R>(self.service.execute(request).await).await
    }

    /// Makes a row of `R` with a new id, by a command to the aggregate that has this id for its key, and answers 201 with it.
    ///
    /// # Errors
    /// The refusal, as a problem.
    pub async fn create_new<R: Resource, A: Aggregate>(
        &self,
        caller: &Caller,
        command: impl Fn(u64) -> A::Command + Send + Sync + 'static,
    ) -> Reply
    where
        A::Key: From<u64>,
    {
        let make = move |ids: &mut runtime::Ids<'_>| {
            let id = ids.next(R::COLLECTION);
            Commands::to::<A>(&id.into(), command(id))
        };
        self.created::<R>(Request::make(make, self.meta(caller)), caller).await
    }

    /// Makes a row of `R` with a new id, by a saga, and answers 201 with it.
    ///
    /// # Errors
    /// The refusal, as a problem; 503 when the service that has to agree cannot be reached.
    pub async fn create_by_saga<R: Resource, S: Saga>(
        &self,
        caller: &Caller,
        input: impl Fn(u64) -> S::Input + Send + Sync + 'static,
    ) -> Reply {
        let request = SagaRequest::<S> {
            input: Arc::new(move |ids| {
                let id = ids.next(R::COLLECTION);
                (id.to_string(), input(id))
            }),
            collection: R::COLLECTION,
            status: StatusCode::CREATED.as_u16(),
            key: self.client_key(caller)?,
            meta: self.meta(caller),
        };
        self.answer::<R>(self.service.run(request).await).await
    }

    /// Sends a command to the aggregate `key`, and answers 204 once it is accepted.
    ///
    /// # Errors
    /// The refusal, as a problem.
    pub async fn command<R: Resource, A: Aggregate>(&self, caller: &Caller, key: &A::Key, command: A::Command) -> Reply {
        let request = Request::new(Commands::to::<A>(key, command), self.meta(caller))
            .answered(StatusCode::NO_CONTENT.as_u16(), None)
            .once(self.client_key(caller)?)
            .before(self.deadline);
        self.answer::<R>(self.service.execute(request).await).await
    }

    /// Answers an item that a view computed.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a fault of ours.
    pub fn computed<R: Resource>(&self, item: &R) -> Reply {
        let row = serde_json::to_string(item).map_err(|error| internal(&error))?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, hal::item::<R>(&row, &self.base, self.at))))
    }

    /// Answers items that a view computed from a page of rows.
    ///
    /// # Errors
    /// When one cannot be written as JSON, which is a fault of ours.
    pub fn computed_page<R: Resource>(&self, items: &[R], page: &store::Page, query: &store::Query) -> Reply {
        let rows = items.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(|error| internal(&error))?;
        let shown = store::Page { rows, ..page.clone() };
        Ok(self.marked::<R>(hal_json(StatusCode::OK, hal::collection::<R>(&shown, query, self.place(), self.at))))
    }

    /// A view that is being built anew says that what it shows is old.
    fn marked<R: Resource>(&self, mut response: Response) -> Response {
        if self.service.is_stale::<R>() {
            response.headers_mut().insert("yeyak-stale", HeaderValue::from_static("true"));
        }
        response
    }

    fn place(&self) -> Place<'_> {
        Place { base: &self.base, path: &self.path, query: &self.query }
    }

    fn meta(&self, caller: &Caller) -> Meta {
        Meta { correlation: self.service.new_id(), causation: format!("{} {}", self.method, self.path), caller: caller.to_string() }
    }

    fn client_key(&self, caller: &Caller) -> Result<Option<ClientKey>, Problem> {
        let Some(key) = idempotency::key(&self.headers)? else { return Ok(None) };
        let fingerprint = idempotency::fingerprint(&self.method, &self.path, &self.body);
        let fingerprint = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(ClientKey { key: format!("{caller} {} {} {key}", self.method, self.path), fingerprint }))
    }

    async fn answer<R: Resource>(&self, outcome: Outcome) -> Reply {
        match outcome {
            Outcome::Accepted(answer) => Ok(self.accepted::<R>(&answer)),
            Outcome::Refused(refused) => match refused.standing_id() {
                Some(id) => self.standing::<R>(id).await,
                None => Err(refused.into()),
            },
            Outcome::KeyReused => Err(Problem::key_reused()),
            Outcome::InProgress => Err(Problem::in_progress()),
            Outcome::Full | Outcome::Expired => Err(Problem::overloaded(COME_BACK)),
            Outcome::Away(why) => {
                tracing::warn!(service = self.service.name(), why, "a request was turned away");
                Err(Problem::unavailable(self.service.name()))
            }
            Outcome::Unavailable(service) => Err(Problem::unavailable(&service)),
            Outcome::Unheard => Err(Problem::unavailable(self.service.name())),
            Outcome::Failed(why) => Err(internal(&why)),
        }
    }

    fn accepted<R: Resource>(&self, answer: &Answer) -> Response {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        let Some(shown) = &answer.shown else { return status.into_response() };
        // Links are those of the moment of the decision, so that a repeated answer is the same to the letter.
        let mut response = hal_json(status, hal::item::<R>(&shown.row.to_string(), &self.base, answer.at));
        if status == StatusCode::CREATED
            && let Ok(location) = HeaderValue::from_str(&format!("{}/{}/{}", self.base, shown.collection, shown.id))
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }

    /// What was asked for stands already: it is shown. A saga that is making it may not have written it yet.
    async fn standing<R: Resource>(&self, id: u64) -> Reply {
        match self.service.row::<R>(id).await.map_err(unreadable)? {
            Some(row) => Ok(hal_json(StatusCode::OK, hal::item::<R>(&row, &self.base, self.at))),
            None => Err(Problem::in_progress()),
        }
    }
}

/// What an event is called, and what it says: of a published one, tagged by `eventType`, or of an aggregate's own, tagged by its
/// name around it.
fn name_and_data(event: &str) -> (String, Value) {
    // Every event was written by us as JSON; one that is not is shown as the text it is.
    match serde_json::from_str(event).unwrap_or_else(|_| Value::String(event.into())) {
        Value::Object(mut fields) => match fields.shift_remove("eventType") {
            Some(name) => (name.as_str().unwrap_or_default().into(), Value::Object(fields)),
            None => fields.into_iter().next().unwrap_or_default(),
        },
        Value::String(name) => (name, Value::Object(serde_json::Map::new())),
        other => (String::new(), other),
    }
}

/// A response with a HAL body.
pub(crate) fn hal_json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/hal+json")], Body::from(body)).into_response()
}

/// What a store that cannot be read means for a reader.
pub fn unreadable(error: StoreError) -> Problem {
    match error {
        StoreError::Away(_) => {
            tracing::warn!(%error, "a read was turned away");
            Problem::unavailable("the store")
        }
        other => internal(&other),
    }
}

/// A fault of ours: told in the log, under the id that the client is given.
pub fn internal(why: &impl std::fmt::Display) -> Problem {
    let problem = Problem::internal();
    tracing::error!(id = problem.id(), %why, "a request failed through a fault of ours");
    problem
}
