use std::any::Any;
use std::collections::BTreeMap;

use kernel::{
    Answer as Answers, AnswerBySaga, Call, Commands, Exposed, Field, Policy, Projection, Published, Resource, Saga, Timestamp, misread,
};
use serde_json::Value;
use store::{Payload, ServiceSchema, TableSchema};

use crate::erased::{AnyKind, Kind};
use crate::saga::{Run, SagaAnswer, SagaEntry};

/// What a bounded context consists of. A service's `mod.rs` builds one, line by line.
pub struct Service {
    pub(crate) name: &'static str,
    pub(crate) kinds: Vec<Box<dyn AnyKind>>,
    pub(crate) resources: Vec<ResourceEntry>,
    pub(crate) policies: Vec<PolicyEntry>,
    pub(crate) projections: Vec<ProjectionEntry>,
    pub(crate) answers: BTreeMap<&'static str, AnswerEntry>,
    pub(crate) sagas: Vec<SagaEntry>,
    schemas: BTreeMap<String, Value>,
}

/// A table of rows that the service's aggregates keep.
pub(crate) struct ResourceEntry {
    pub(crate) collection: &'static str,
    pub(crate) fields: &'static [Field],
    /// Whether new ones get the next number, and not a name of somebody else's.
    pub(crate) counted: bool,
}

pub(crate) struct PolicyEntry {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) react: fn(&Payload, Timestamp) -> Result<Commands, String>,
}

pub(crate) struct ProjectionEntry {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) source: &'static str,
    pub(crate) collection: &'static str,
    pub(crate) fields: &'static [Field],
    /// Whether rows remember what was folded into them.
    pub(crate) history: bool,
    pub(crate) followed: bool,
    /// The rows an event touches.
    pub(crate) rows: fn(&Payload) -> Result<Vec<u64>, String>,
    pub(crate) fold: Fold,
}

/// The row with this id after an event: from its JSON before, the event, and when it happened.
type Fold = fn(u64, Option<&str>, &Payload, Timestamp) -> Result<Option<String>, String>;

impl ProjectionEntry {
    /// The table and consumer of this version.
    pub(crate) fn table(&self) -> String {
        format!("{}@{}", self.collection, self.version)
    }
}

/// How one call is answered.
pub(crate) enum AnswerEntry {
    /// By one of its aggregates, at once.
    Decided(DecidedAnswer),
    /// By a saga.
    BySaga(SagaAnswer),
}

/// A call that an aggregate answers, with its types set aside.
pub(crate) struct DecidedAnswer {
    /// The commands that do what the call asks.
    pub(crate) commands: fn(&str) -> Result<Commands, String>,
    /// The commands that undo it.
    pub(crate) undo: fn(&str) -> Result<Commands, String>,
    /// The reply, from the call and the state of the aggregate after it.
    pub(crate) reply: fn(&str, &dyn Any) -> Result<String, String>,
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| misread(&error))
}

/// The schema of `T` with everything that it refers to.
fn schema_of<T: utoipa::ToSchema>() -> serde_json::Result<Value> {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut schema = serde_json::to_value(T::schema())?;
    let parts: BTreeMap<_, _> = parts.into_iter().collect();
    schema["components"] = serde_json::json!({"schemas": serde_json::to_value(parts)?});
    Ok(schema)
}

impl Service {
    /// A service of this name, which is durable.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            kinds: Vec::new(),
            resources: Vec::new(),
            policies: Vec::new(),
            projections: Vec::new(),
            answers: BTreeMap::new(),
            sagas: Vec::new(),
            schemas: BTreeMap::new(),
        }
    }

    /// It decides by aggregates of the kind `A`.
    #[must_use]
    pub fn aggregate<A: Exposed>(mut self) -> Self {
        self.kinds.push(Box::new(Kind::<A>::new()));
        if let Ok(schema) = schema_of::<A::Published>() {
            self.schemas.insert(A::Published::SERVICE.into(), schema);
        }
        self
    }

    /// Its aggregates keep rows of `R`, whose ids come from elsewhere: from another service's, say.
    #[must_use]
    pub fn resource<R: Resource>(self) -> Self {
        self.keeps::<R>(false)
    }

    /// Its aggregates keep rows of `R`, and the service counts them: every id is a number that it has handed out.
    #[must_use]
    pub fn counted<R: Resource>(self) -> Self {
        self.keeps::<R>(true)
    }

    fn keeps<R: Resource>(mut self, counted: bool) -> Self {
        self.resources.push(ResourceEntry { collection: R::COLLECTION, fields: R::FIELDS, counted });
        self
    }

    /// It reacts to what another service publishes.
    #[must_use]
    pub fn policy<P: Policy>(mut self) -> Self {
        self.policies.push(PolicyEntry {
            name: P::NAME,
            source: P::On::SERVICE,
            react: |event, at| Ok(P::react(&*event.read::<P::On>()?, at)),
        });
        self
    }

    /// It keeps a view of what another service publishes.
    #[must_use]
    pub fn projection<P: Projection>(mut self) -> Self {
        self.projections.push(ProjectionEntry {
            name: P::NAME,
            version: P::VERSION,
            source: P::On::SERVICE,
            collection: P::Row::COLLECTION,
            fields: P::Row::FIELDS,
            history: P::HISTORY,
            followed: P::FOLLOWED,
            rows: |event| Ok(P::rows(&*event.read::<P::On>()?)),
            fold: |id, row, event, at| {
                let row = row.map(read::<P::Row>).transpose()?;
                let folded = P::fold(id, row, &*event.read::<P::On>()?, at);
                folded.map(|row| serde_json::to_string(&row).map_err(|error| error.to_string())).transpose()
            },
        });
        self
    }

    /// It answers a call.
    #[must_use]
    pub fn answers<C: Answers>(mut self) -> Self {
        self.answers.insert(
            <C as Call>::NAME,
            AnswerEntry::Decided(DecidedAnswer {
                commands: |call| {
                    let (key, command) = read::<C>(call)?.command();
                    Ok(Commands::to::<C::By>(&key, command))
                },
                undo: |call| {
                    let (key, command) = read::<C>(call)?.undo();
                    Ok(Commands::to::<C::By>(&key, command))
                },
                reply: |call, state| {
                    let state = state.downcast_ref::<C::By>().ok_or("a reply from another kind of aggregate")?;
                    serde_json::to_string(&read::<C>(call)?.reply(state)).map_err(|error| error.to_string())
                },
            }),
        );
        self
    }

    /// It answers a call by a saga, which it runs.
    #[must_use]
    pub fn answers_by_saga<C: AnswerBySaga>(mut self) -> Self {
        self.answers.insert(<C as Call>::NAME, AnswerEntry::BySaga(SagaAnswer::of::<C>()));
        self.saga::<C::By>()
    }

    /// It runs a saga.
    #[must_use]
    pub fn saga<S: Saga>(mut self) -> Self {
        self.kinds.push(Box::new(Kind::<Run<S>>::new()));
        self.sagas.push(SagaEntry::of::<S>());
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The names of the sagas it runs.
    pub fn sagas(&self) -> impl Iterator<Item = &'static str> {
        self.sagas.iter().map(|saga| saga.name)
    }

    /// The JSON schema of the events it publishes, by the name of the service.
    pub fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.schemas.iter().map(|(name, schema)| (name.as_str(), schema))
    }

    /// What the call is answered that this saga was run for.
    pub(crate) fn saga_reply(&self, saga: &str, ended: &dyn Any) -> Result<String, String> {
        let answers = self.answers.values().find_map(|entry| match entry {
            AnswerEntry::BySaga(answer) if answer.saga == saga => Some(answer.reply),
            _ => None,
        });
        answers.ok_or("it answers no call")?(ended)
    }

    /// Whether it hands out the ids of this collection.
    pub(crate) fn counts(&self, collection: &str) -> bool {
        self.resources.iter().any(|one| one.counted && one.collection == collection)
    }

    pub(crate) fn kind(&self, aggregate: &str) -> Option<&dyn AnyKind> {
        self.kinds.iter().find(|kind| kind.name() == aggregate).map(|kind| &**kind)
    }

    /// The tables it needs.
    pub(crate) fn schema(&self) -> ServiceSchema {
        let roots = |collection| self.kinds.iter().find(|kind| kind.collection() == Some(collection)).map(|kind| kind.name());
        let own = self.resources.iter().map(|one| TableSchema {
            name: one.collection.into(),
            fields: one.fields,
            roots: roots(one.collection),
            followed: true,
        });
        let views = self.projections.iter();
        let views = views.map(|one| TableSchema { name: one.table(), fields: one.fields, roots: None, followed: one.followed });
        ServiceSchema {
            name: self.name,
            aggregates: self.kinds.iter().map(|kind| kind.name()).collect(),
            tables: own.chain(views).collect(),
        }
    }

    /// The services whose events its policies follow, each once.
    pub(crate) fn policy_sources(&self) -> Vec<&'static str> {
        let mut sources: Vec<_> = self.policies.iter().map(|policy| policy.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    pub(crate) fn fields(&self, collection: &str) -> &'static [Field] {
        self.resources.iter().find(|one| one.collection == collection).map_or(&[], |one| one.fields)
    }
}

/// The services of a system, by name.
pub(crate) struct Services(pub(crate) Vec<Service>);

impl Services {
    pub(crate) fn get(&self, name: &str) -> Option<&Service> {
        self.0.iter().find(|service| service.name == name)
    }
}
