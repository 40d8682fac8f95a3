//! One request on its way through a handler: what it asks, whom it asks, and how the outcome is answered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use kernel::{Aggregate, Caller, Commands, Resource, Saga, Timestamp, misread};
use runtime::{Answer, ClientKey, Expected, FeedPosition, Outcome, Request, SagaInput, SagaRequest, ServiceHandle, Shown};
use serde::Serialize;
use serde_json::{Value, json};
use store::{Cell, Meta, StoreError};
use telemetry::TraceContext;

use crate::auth::{Identity, Offers, Who};
use crate::conditional::{self, Conditions};
use crate::hal::{self, Place};
use crate::{FieldError, Fields, Peer, Problem, idempotency, open_caller, optional, position, query};

/// How long someone who is turned away because too much is going on should wait.
pub(crate) const COME_BACK: Duration = Duration::from_secs(1);

/// How often it is looked whether what is being made stands by now.
const GLANCE: Duration = Duration::from_millis(20);

/// So many parameters that a history does not have are named, and so much of each name: an answer is not to be larger than what was asked.
const MOST_UNKNOWN: usize = 50;
const LONGEST_NAME: usize = 60;

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
    /// How long it may wait for what it wants to have arrived.
    pub(crate) wait: Duration,
    /// Its id, by which all that it leads to is known.
    pub(crate) id: String,
    /// How the items of each collection are shown.
    pub(crate) items: Arc<BTreeMap<&'static str, Who>>,
    /// Who may do what an item offers.
    pub(crate) offers: Arc<Offers>,
    /// Who may ask it.
    pub(crate) who: Who,
    /// Who has proved to ask it; nobody when nobody has to.
    pub(crate) identity: Option<Identity>,
    /// From where it was sent, when that is known.
    pub(crate) peer: Option<Peer>,
    /// The place in a trace that it is, when that is recorded.
    pub(crate) trace: Option<TraceContext>,
}

/// What a handler answers.
pub type Reply = Result<Response, Problem>;

impl Incoming {
    /// The fields of its body. A person who acts need not be named there. Handlers get what their contract reads, and nothing else.
    ///
    /// # Errors
    /// A problem when the body is no JSON object.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, Problem> {
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
        self.parameters.get("id").and_then(|text| id(text)).ok_or_else(Problem::not_found)
    }

    /// Its query, without the question mark.
    pub(crate) fn query(&self) -> &str {
        &self.query
    }

    /// Whether it carries an idempotency key: what it asks may have been answered before, and then is to be answered the same.
    pub fn is_keyed(&self) -> bool {
        self.headers.contains_key(idempotency::HEADER)
    }

    /// What it expects of the row of `R` in its path: that its tag would be this. It is asked where the command is decided.
    fn expected<R: Resource>(&self) -> Result<Option<Expected>, Problem> {
        let conditions = Conditions::of(&self.headers);
        if conditions.is_none() {
            return Ok(None);
        }
        let (base, identity, offers) = (Arc::clone(&self.base), self.identity.clone(), Arc::clone(&self.offers));
        let who = self.items.get(R::COLLECTION).copied().unwrap_or(self.who);
        let holds = move |row: Option<&str>, at: Timestamp| {
            let shown = row.and_then(|row| {
                let item = hal::item::<R>(row, &base, at);
                match &identity {
                    Some(identity) => who.show_text(identity, &offers, item),
                    None => Some(item),
                }
            });
            conditions.admit(shown.map(|item| conditional::tag(item.as_bytes())).as_deref())
        };
        Ok(Some(Expected::of(R::COLLECTION, self.id()?, holds)))
    }

    /// That nothing it expects keeps something new from being made.
    fn admits_new(&self) -> Result<(), Problem> {
        if Conditions::of(&self.headers).admit_new() { Ok(()) } else { Err(Problem::precondition_failed()) }
    }

    /// How long it may wait now, its deadline heeded.
    pub(crate) fn may_wait(&self) -> Duration {
        let left = self.deadline.duration_since(self.service.now());
        self.wait.min(Duration::try_from(left).unwrap_or_default())
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

    /// The id of the request that something goes back to. Whoever sent that may have written anything into it, so people see their own.
    fn shown_correlation(&self, meta: &Meta) -> Value {
        let shows = self.identity.as_ref().is_none_or(|identity| identity.is_staff() || meta.caller == identity.caller().to_string());
        if shows { meta.correlation.as_str().into() } else { Value::Null }
    }

    /// The row of `R` that its path names.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn row<R: Resource>(&self) -> Result<R, Problem> {
        let row = self.service.row::<R>(self.id()?).await.map_err(unreadable)?.ok_or_else(Problem::not_found)?;
        serde_json::from_str(&row).map_err(|error| internal(&misread(&error)))
    }

    /// Answers the page of the rows of `R` that `query` asks for.
    ///
    /// # Errors
    /// 422 when it would take too long to find.
    pub async fn list<R: Resource>(&self, query: &store::Query) -> Reply {
        let page = self.service.rows::<R>(query).await.map_err(unreadable)?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, hal::collection::<R>(&page, query, self.place(), self.at))))
    }

    /// Answers the row of `R` that its path names.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn show<R: Resource>(&self) -> Reply {
        let row = self.service.row::<R>(self.id()?).await.map_err(unreadable)?.ok_or_else(Problem::not_found)?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, hal::item::<R>(&row, &self.base, self.at))))
    }

    /// Answers what happened to the row of `R` that its path names: `size` entries, those behind the position `after`.
    ///
    /// # Errors
    /// 404 when there never was such a row, 422 naming each parameter that is wrong or another.
    pub async fn history<R: Resource>(&self) -> Reply {
        let id = self.id()?;
        let (after, size) = stretch::<R>(&self.query)?;
        let entries = self.service.history::<R>(id, after.unwrap_or(0), size).await.map_err(unreadable)?;
        // What lies behind a position can be nothing, of a row that there is.
        if entries.is_empty() && (after.is_none() || self.service.history::<R>(id, 0, 1).await.map_err(unreadable)?.is_empty()) {
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
                    "correlation": self.shown_correlation(&entry.meta), "causation": entry.meta.causation,
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
        self.created::<R>(Request::make(make, self.meta(caller)).about(vec![(A::NAME, name)])).await
    }

    async fn created<R: Resource>(&self, request: Request) -> Reply {
        self.admits_new()?;
        let request = request
            .counts(&[R::COLLECTION])
            .answered(StatusCode::CREATED.as_u16(), Some(R::COLLECTION))
            .once(self.client_key()?)
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
        self.created::<R>(Request::make(make, self.meta(caller))).await
    }

    /// Makes a row of `R` with a new id, by a saga, and answers 201 with it.
    ///
    /// # Errors
    /// The refusal, as a problem; 503 when the service that has to agree cannot be reached.
    pub async fn create_by_saga<R: Resource, S: Saga>(&self, caller: &Caller, saga: impl Fn(u64) -> S + Send + Sync + 'static) -> Reply {
        self.admits_new()?;
        let request = SagaRequest::<S> {
            saga: Arc::new(move |ids| {
                let id = ids.next(R::COLLECTION);
                (id.to_string(), saga(id))
            }),
            collection: R::COLLECTION,
            status: StatusCode::CREATED.as_u16(),
            key: self.client_key()?,
            deadline: self.deadline,
            expected: None,
            meta: self.meta(caller),
        };
        self.answer::<R>(self.service.run(request).await).await
    }

    /// Changes the row of `R` that its path names, by a saga, and answers 200 with it.
    ///
    /// # Errors
    /// The refusal, as a problem; 503 when the service that has to agree cannot be reached.
    pub async fn change_by_saga<R: Resource, S: Saga>(&self, caller: &Caller, saga: S) -> Reply {
        let key = self.service.new_id();
        let request = SagaRequest::<S> {
            saga: Arc::new(move |_| (key.clone(), saga.clone())),
            collection: R::COLLECTION,
            status: StatusCode::OK.as_u16(),
            key: self.client_key()?,
            deadline: self.deadline,
            expected: self.expected::<R>()?,
            meta: self.meta(caller),
        };
        let mut outcome = self.service.run(request).await;
        // What changes nothing writes no row; it is shown as it stands.
        if let Outcome::Accepted(answer @ Answer { shown: None, .. }) = &mut outcome {
            let (id, collection) = (self.id()?, R::COLLECTION.to_owned());
            answer.shown = self.service.row::<R>(id).await.map_err(unreadable)?.map(|row| Shown { collection, id, row });
        }
        self.answer::<R>(outcome).await
    }

    /// Tells the saga with this key what it waits for, and answers 200 with its row of `R` once it has gone on.
    ///
    /// # Errors
    /// The refusal, as a problem; 503 when a service that it takes cannot be reached.
    pub async fn tell<R: Resource, S: Saga>(&self, caller: &Caller, saga: &impl ToString, what: &impl Serialize) -> Reply {
        let what = serde_json::to_string(what).map_err(|error| internal(&error))?;
        self.answer::<R>(self.service.tell::<S>(self.saga_input::<R>(caller, saga, StatusCode::OK)?, what).await).await
    }

    /// Takes back the saga with this key, which waits, and answers 204.
    ///
    /// # Errors
    /// The refusal, as a problem.
    pub async fn withdraw<R: Resource, S: Saga>(&self, caller: &Caller, saga: &impl ToString) -> Reply {
        self.answer::<R>(self.service.withdraw::<S>(self.saga_input::<R>(caller, saga, StatusCode::NO_CONTENT)?).await).await
    }

    fn saga_input<R: Resource>(&self, caller: &Caller, saga: &impl ToString, status: StatusCode) -> Result<SagaInput, Problem> {
        Ok(SagaInput {
            saga: saga.to_string(),
            collection: R::COLLECTION,
            status: status.as_u16(),
            key: self.client_key()?,
            deadline: self.deadline,
            expected: self.expected::<R>()?,
            meta: self.meta(caller),
        })
    }

    /// Sends a command to the aggregate `key`, and answers 204 once it is accepted.
    ///
    /// # Errors
    /// The refusal, as a problem.
    pub async fn command<R: Resource, A: Aggregate>(&self, caller: &Caller, key: &A::Key, command: A::Command) -> Reply {
        self.commands::<R>(caller, Commands::to::<A>(key, command)).await
    }

    /// Sends commands, which are accepted together or not at all, and answers 204 once they are.
    ///
    /// # Errors
    /// The first refusal, as a problem.
    pub async fn commands<R: Resource>(&self, caller: &Caller, commands: Commands) -> Reply {
        self.commanded::<R>(caller, commands, (StatusCode::NO_CONTENT, None)).await
    }

    /// Sends a command to the aggregate `key`, and answers 200 with the row of `R` that its path names, as it is once the command is
    /// accepted. A command that would change nothing is refused with [`Refused::standing`](kernel::Refused::standing), and the row shown
    /// as it stands.
    ///
    /// # Errors
    /// The refusal, as a problem.
    pub async fn edit<R: Resource, A: Aggregate>(&self, caller: &Caller, key: &A::Key, command: A::Command) -> Reply {
        self.commanded::<R>(caller, Commands::to::<A>(key, command), (StatusCode::OK, Some(R::COLLECTION))).await
    }

    async fn commanded<R: Resource>(
        &self,
        caller: &Caller,
        commands: Commands,
        (status, shows): (StatusCode, Option<&'static str>),
    ) -> Reply {
        let request = Request::new(commands, self.meta(caller))
            .answered(status.as_u16(), shows)
            .only_if(self.expected::<R>()?)
            .once(self.client_key()?)
            .before(self.deadline);
        self.answer::<R>(self.service.execute(request).await).await
    }

    /// Answers an item that a view computed.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a fault of ours.
    pub fn computed<R: Resource>(&self, item: &R) -> Reply {
        let shown = hal::computed_item(item, &self.base, self.at).map_err(|error| internal(&error))?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, shown)))
    }

    /// Answers items that a view computed from a page of rows.
    ///
    /// # Errors
    /// When one cannot be written as JSON, which is a fault of ours.
    pub fn computed_page<R: Resource>(&self, items: &[R], page: &store::Page, query: &store::Query) -> Reply {
        let shown = hal::computed_collection(items, page, query, self.place(), self.at).map_err(|error| internal(&error))?;
        Ok(self.marked::<R>(hal_json(StatusCode::OK, shown)))
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
        let causation = format!("{} {}", self.method, self.path);
        Meta { correlation: self.id.clone(), causation, caller: caller.to_string(), trace: self.trace.clone() }
    }

    /// The key's scope is the method, the route and who has proved to ask: two people may happen on one key, and neither is ever told the
    /// other's answer. Whom the body names is no part of it: nobody has proved to be that one, and the same key with another body is a
    /// mistake that is to be told.
    fn client_key(&self) -> Result<Option<ClientKey>, Problem> {
        let Some(key) = idempotency::key(&self.headers)? else { return Ok(None) };
        let fingerprint = idempotency::fingerprint(&self.method, &self.path, &self.body);
        let fingerprint = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{} {} {key}", self.method, self.path);
        let key = self.identity.as_ref().map_or_else(|| key.clone(), |identity| format!("{} {key}", identity.caller()));
        Ok(Some(ClientKey { key, fingerprint }))
    }

    async fn answer<R: Resource>(&self, outcome: Outcome) -> Reply {
        match outcome {
            Outcome::Accepted(answer) => {
                let mut response = self.accepted::<R>(&answer);
                position::put(response.headers_mut(), &self.positions(answer.positions).await);
                Ok(response)
            }
            Outcome::Changed => Err(Problem::precondition_failed()),
            Outcome::Refused(refused) => match refused.standing_id() {
                Some(id) => Box::pin(self.standing::<R>(&store::Query::equal("id", Cell::id(id), 1))).await,
                None => Err(refused.into()),
            },
            Outcome::KeyReused => Err(Problem::key_reused()),
            Outcome::InProgress => Err(Problem::in_progress()),
            Outcome::Full | Outcome::Expired => Err(Problem::overloaded(COME_BACK)),
            Outcome::Away(why) => {
                tracing::debug!(service = self.service.name(), why, "a request was turned away");
                Err(Problem::unavailable(self.service.name()))
            }
            Outcome::Unavailable(service) => Err(Problem::unavailable(&service)),
            Outcome::Unheard => Err(Problem::outcome_unknown(COME_BACK)),
            Outcome::Failed(why) => Err(internal(&why)),
        }
    }

    fn accepted<R: Resource>(&self, answer: &Answer) -> Response {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        let Some(shown) = &answer.shown else { return status.into_response() };
        // Links are those of the moment of the decision, so that a repeated answer is the same to the letter.
        let mut response = hal_json(status, hal::item::<R>(&shown.row, &self.base, answer.at));
        if let Ok(place) = HeaderValue::from_str(&format!("{}/{}/{}", self.base, shown.collection, shown.id)) {
            let says = if status == StatusCode::CREATED { header::LOCATION } else { header::CONTENT_LOCATION };
            response.headers_mut().insert(says, place);
        }
        response
    }

    /// Answers 200 with the row of `R` whose `field` is this: what was asked for stands already, and who says so does not know its id.
    ///
    /// # Errors
    /// 409 when it is only being made, and takes long.
    pub async fn stands_as<R: Resource>(&self, field: &'static str, value: impl Into<String>) -> Reply {
        self.standing::<R>(&store::Query::equal(field, Cell::Text(value.into()), 1)).await
    }

    /// What was asked for stands already, and is shown. What is making it may not have written it yet; that is waited for.
    async fn standing<R: Resource>(&self, query: &store::Query) -> Reply {
        let clock = self.service.clock();
        let until = clock.elapsed() + self.may_wait();
        let row = loop {
            match self.service.rows::<R>(query).await.map_err(unreadable)?.rows.pop() {
                Some(row) => break row,
                None if until <= clock.elapsed() => return Err(Problem::in_progress()),
                None => clock.sleep(GLANCE).await,
            }
        };
        let id = serde_json::from_str::<R>(&row).map_err(|error| internal(&misread(&error)))?.id();
        self.stands::<R>(StatusCode::OK, Some(Shown { collection: R::COLLECTION.into(), id, row })).await
    }

    /// Answers 204: what was asked for was so already.
    ///
    /// # Errors
    /// A problem when its key is taken by another request.
    pub async fn done_already<R: Resource>(&self) -> Reply {
        self.stands::<R>(StatusCode::NO_CONTENT, None).await
    }

    /// Answers that nothing had to happen. That is kept under the request's key as if something had.
    async fn stands<R: Resource>(&self, status: StatusCode, shown: Option<Shown>) -> Reply {
        let answer = Answer { status: status.as_u16(), at: self.at, shown, positions: Vec::new() };
        let outcome = match self.client_key()? {
            Some(key) => self.service.keep(key, answer, self.deadline, self.meta(&self.caller()?)).await,
            None => Outcome::Accepted(answer),
        };
        self.answer::<R>(outcome).await
    }

    /// Where a write stands. For one that was answered before, or that published nothing, that is somewhere before the ends of the feed.
    async fn positions(&self, known: Vec<FeedPosition>) -> Vec<FeedPosition> {
        // Where the write stands is more than was asked for; that it stands is what counts.
        if known.is_empty() { self.service.feed_ends().await.unwrap_or_default() } else { known }
    }
}

/// The id that a path names, written as ids are: digits, and none too many, so that each row has one address.
fn id(text: &str) -> Option<u64> {
    text.parse().ok().filter(|id: &u64| id.to_string() == text)
}

/// Which stretch of a history is asked for: what lies behind which position, and how many entries of it.
fn stretch<R: Resource>(raw: &str) -> Result<(Option<u64>, usize), Problem> {
    // A history is neither sorted nor filtered nor numbered by pages, so of what collections take, only the size is left.
    let is_known = |name: &str| ["after", "size"].contains(&name);
    let (mut known, mut unknown) = (form_urlencoded::Serializer::new(String::new()), BTreeSet::new());
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        if is_known(&name) {
            known.append_pair(&name, &value);
        } else if !(name.is_empty() && value.is_empty()) && unknown.len() < MOST_UNKNOWN {
            unknown.insert(name.chars().take(LONGEST_NAME).collect::<String>());
        }
    }
    let read = query::parse_with::<R, _>(&known.finish(), optional::<u64>("after"));
    let unknown: Vec<_> = unknown.into_iter().map(|name| FieldError::new(name, "unknown-field", "must be one of after, size")).collect();
    match read {
        Ok((query, after)) if unknown.is_empty() => Ok((after, usize::try_from(query.size).unwrap_or(usize::MAX))),
        Ok(_) => Err(Problem::unprocessable(unknown)),
        Err(mut problem) => {
            problem.errors.extend(unknown);
            Err(problem)
        }
    }
}

/// What an event is called, and what it says: of a published one, tagged by `eventType`, or of an aggregate's own, tagged by its
/// name around it.
pub(crate) fn name_and_data(event: &str) -> (String, Value) {
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
            tracing::debug!(%error, "a read was turned away");
            Problem::unavailable("the store")
        }
        StoreError::Busy => Problem::overloaded(COME_BACK),
        StoreError::TooCostly(_) => {
            let detail = "This would take too long. Filter more, or sort by one field.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "query-too-costly", detail)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Reserve;

    #[test]
    fn an_id_is_written_in_one_way() {
        let check = |text, number| assert_eq!(id(text), number, "{text}");
        check("1", Some(1));
        check("0", Some(0));
        check("18446744073709551615", Some(u64::MAX));
        for text in ["", "+1", "01", "00", "-1", " 1", "1 ", "1.0", "1e0", "0x1", "\u{661}", "18446744073709551616"] {
            check(text, None);
        }
    }

    #[test]
    fn a_history_takes_its_place_and_its_size_alone() {
        let check = |raw, stretch_of| assert_eq!(stretch::<Reserve>(raw).unwrap(), stretch_of, "{raw}");
        check("", (None, 20));
        check("&", (None, 20));
        check("after=7&size=3", (Some(7), 3));
        check("size=", (None, 20));
        let wrong = |raw| {
            let errors = stretch::<Reserve>(raw).unwrap_err().errors.clone();
            errors.into_iter().map(|error| format!("{} {}", error.field, error.code)).collect::<Vec<_>>()
        };
        assert_eq!(
            wrong("sort=id,desc&page=1&status=Ended&id=1"),
            ["id", "page", "sort", "status"].map(|name| format!("{name} unknown-field"))
        );
        assert_eq!(wrong("page=0&size=0&after=x"), ["size out-of-range", "after wrong-type", "page unknown-field"]);
        assert_eq!(wrong("size=1&size=2"), ["size repeated"]);
        assert_eq!(wrong(&(0..1000).map(|number| format!("x{number}=1&")).collect::<String>()).len(), MOST_UNKNOWN);
    }
}
