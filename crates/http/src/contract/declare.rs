//! What a route says of itself where it is declared: what it reads, what it answers, and which refusals are its own.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::response::Response;
use kernel::{Field, Resource};
use store::{Cell, Query};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;

use super::FieldSchema;
use super::problems;
use crate::auth::Who;
use crate::fields::Spec;
use crate::incoming::Incoming;
use crate::query::filters;
use crate::{Problem, query, stream};

/// The contract of a route: `reads` is what its handler gets, and what is described is what is read.
pub struct Contract<Q> {
    pub(crate) declaration: Declaration,
    pub(crate) reads: Q,
}

/// What is read of a request before its handler is called.
pub trait Reads: Send + Sync + 'static {
    /// What the handler gets.
    type Output: Send;

    /// Reads it.
    ///
    /// # Errors
    /// The problem that is answered instead.
    fn read(&self, incoming: &Incoming) -> Result<Self::Output, Problem>;
}

/// Nothing is read.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

/// The fields of the body are read as this function lists them.
#[derive(Clone, Copy, Debug)]
pub struct Body<F>(F);

/// The query of a collection of `R` is read, with parameters besides as this function lists them.
#[derive(Clone, Copy, Debug)]
pub struct Listing<R, F>(F, PhantomData<fn() -> R>);

/// The filters of a collection of `R` are read, with parameters besides as this function lists them.
#[derive(Clone, Copy, Debug)]
pub struct Filters<R, F>(F, PhantomData<fn() -> R>);

/// The query is read as this function lists it, and has nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<F>(F);

impl Reads for Nothing {
    type Output = ();

    fn read(&self, _incoming: &Incoming) -> Result<(), Problem> {
        Ok(())
    }
}

impl<S: Spec<Output: Send>, F: Fn() -> S + Send + Sync + 'static> Reads for Body<F> {
    type Output = S::Output;

    fn read(&self, incoming: &Incoming) -> Result<S::Output, Problem> {
        incoming.fields()?.read((self.0)())
    }
}

impl<R: Resource, S: Spec<Output: Send>, F: Fn() -> S + Send + Sync + 'static> Reads for Listing<R, F> {
    type Output = (Query, S::Output);

    fn read(&self, incoming: &Incoming) -> Result<Self::Output, Problem> {
        query::parse_with::<R, S>(incoming.query(), (self.0)())
    }
}

impl<R: Resource, S: Spec<Output: Send>, F: Fn() -> S + Send + Sync + 'static> Reads for Filters<R, F> {
    type Output = (Vec<(&'static str, Cell)>, S::Output);

    fn read(&self, incoming: &Incoming) -> Result<Self::Output, Problem> {
        stream::filters::<R, S>(incoming.query(), (self.0)())
    }
}

impl<S: Spec<Output: Send>, F: Fn() -> S + Send + Sync + 'static> Reads for Parameters<F> {
    type Output = S::Output;

    fn read(&self, incoming: &Incoming) -> Result<S::Output, Problem> {
        query::parse_alone(incoming.query(), (self.0)())
    }
}

/// What a route answers when it does what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 200 with a page of rows.
    List,
    /// 200 with a row.
    Show,
    /// 200 with what happened to a row.
    History,
    /// 200 with rows as they change, for as long as somebody listens.
    Follow,
    /// 201 with a row that is new, and 200 with one that stands already if there can be one.
    Create { standing: bool },
    /// 200 with a row that was there and is otherwise now.
    Edit,
    /// 204.
    Change,
}

/// What is described of a request.
#[derive(Clone)]
pub(crate) enum Asked {
    Nothing,
    Body(Fields),
    Listing(fn() -> Vec<Field>, Fields),
    Filters(fn() -> Vec<Field>, Fields),
    Parameters(Fields),
    /// As [`Incoming::history`] reads it.
    Stretch,
}

pub(crate) type Fields = Arc<dyn Fn() -> Vec<FieldSchema> + Send + Sync>;

/// The row that a route is about.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) collection: &'static str,
    pub(crate) item: &'static str,
    pub(crate) name: fn() -> Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<utoipa::openapi::Schema>,
    pub(crate) parts: fn(&mut Vec<(String, RefOr<utoipa::openapi::Schema>)>),
}

/// A contract without the type of what is read.
pub(crate) struct Declaration {
    pub(crate) kind: Kind,
    pub(crate) summary: Option<&'static str>,
    pub(crate) asked: Asked,
    pub(crate) row: Row,
    pub(crate) refusals: Vec<&'static str>,
}

/// A contract with its place.
pub struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) who: Who,
    pub(crate) declaration: Declaration,
}

/// A page of the rows of `R`. The handler gets the query, and nothing besides.
pub fn lists<R: Resource + ToSchema>() -> Contract<Listing<R, fn()>> {
    Contract::new::<R>(Kind::List, Asked::Listing(filters::<R>, fields_of(|| ())), Listing(|| (), PhantomData))
}

/// Rows of `R` as they change.
pub fn follows<R: Resource + ToSchema>() -> Contract<Filters<R, fn()>> {
    Contract::new::<R>(Kind::Follow, Asked::Filters(filters::<R>, fields_of(|| ())), Filters(|| (), PhantomData))
}

/// A row of `R`.
pub fn shows<R: Resource + ToSchema>() -> Contract<Nothing> {
    Contract::new::<R>(Kind::Show, Asked::Nothing, Nothing)
}

/// What happened to a row of `R`.
pub fn tells<R: Resource + ToSchema>() -> Contract<Nothing> {
    Contract::new::<R>(Kind::History, Asked::Stretch, Nothing)
}

/// A new row of `R`, made of a body whose fields `body` lists; `summary` is what that does, in the words of who asks for it.
pub fn creates<R: Resource + ToSchema, S: Spec<Output: Send>, F: Fn() -> S + Clone + Send + Sync + 'static>(
    summary: &'static str,
    body: F,
) -> Contract<Body<F>> {
    Contract::new::<R>(Kind::Create { standing: false }, Asked::Body(fields_of(body.clone())), Body(body)).saying(summary)
}

/// A row of `R` is made otherwise by a body whose fields `body` lists, and shown; `summary` is what that does, in the words of who asks for it.
pub fn edits<R: Resource + ToSchema, S: Spec<Output: Send>, F: Fn() -> S + Clone + Send + Sync + 'static>(
    summary: &'static str,
    body: F,
) -> Contract<Body<F>> {
    Contract::new::<R>(Kind::Edit, Asked::Body(fields_of(body.clone())), Body(body)).saying(summary)
}

/// Something is done with a row of `R`, and there is nothing to say about it; `summary` is what, in the words of who asks for it.
pub fn changes<R: Resource + ToSchema>(summary: &'static str) -> Contract<Nothing> {
    Contract::new::<R>(Kind::Change, Asked::Nothing, Nothing).saying(summary)
}

fn fields_of<S: Spec>(spec: impl Fn() -> S + Send + Sync + 'static) -> Fields {
    Arc::new(move || {
        let mut fields = Vec::new();
        spec().describe(&mut fields);
        fields
    })
}

impl<Q> Contract<Q> {
    fn new<R: Resource + ToSchema>(kind: Kind, asked: Asked, reads: Q) -> Self {
        let row = Row { collection: R::COLLECTION, item: R::ITEM, name: R::name, schema: R::schema, parts: R::schemas };
        Self { declaration: Declaration { kind, summary: None, asked, row, refusals: Vec::new() }, reads }
    }

    /// What it does, in the words of who asks for it.
    #[must_use]
    pub fn saying(mut self, summary: &'static str) -> Self {
        self.declaration.summary = Some(summary);
        self
    }

    /// The codes of its own refusals: what the rules say, beyond what every route can answer.
    #[must_use]
    pub fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.declaration.refusals.extend(codes);
        self
    }

    /// What is asked for may stand already: then it is shown, with 200.
    #[must_use]
    pub fn or_stands(mut self) -> Self {
        self.declaration.kind = Kind::Create { standing: true };
        self
    }

    fn reading<T>(self, asked: Asked, reads: T) -> Contract<T> {
        Contract { declaration: Declaration { asked, ..self.declaration }, reads }
    }
}

impl<R: Resource> Contract<Listing<R, fn()>> {
    /// With parameters besides those of a collection. They come first: a field of the collection that has the name of one of them is no
    /// filter.
    #[must_use]
    pub fn with<S: Spec<Output: Send>, F: Fn() -> S + Clone + Send + Sync + 'static>(self, parameters: F) -> Contract<Listing<R, F>> {
        self.reading(Asked::Listing(filters::<R>, fields_of(parameters.clone())), Listing(parameters, PhantomData))
    }
}

impl<R: Resource> Contract<Filters<R, fn()>> {
    /// With parameters besides those of a collection, as its list has them.
    #[must_use]
    pub fn with<S: Spec<Output: Send>, F: Fn() -> S + Clone + Send + Sync + 'static>(self, parameters: F) -> Contract<Filters<R, F>> {
        self.reading(Asked::Filters(filters::<R>, fields_of(parameters.clone())), Filters(parameters, PhantomData))
    }
}

impl Contract<Nothing> {
    /// With parameters in its query, and no others.
    #[must_use]
    pub fn asking<S: Spec<Output: Send>, F: Fn() -> S + Clone + Send + Sync + 'static>(self, parameters: F) -> Contract<Parameters<F>> {
        self.reading(Asked::Parameters(fields_of(parameters.clone())), Parameters(parameters))
    }

    /// With a body, whose fields `body` lists.
    #[must_use]
    pub fn of<S: Spec<Output: Send>, F: Fn() -> S + Clone + Send + Sync + 'static>(self, body: F) -> Contract<Body<F>> {
        self.reading(Asked::Body(fields_of(body.clone())), Body(body))
    }
}

impl Operation {
    /// Whether it takes a row's id in its path.
    fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.method == "GET"
    }

    /// Whether a body is read.
    pub(crate) fn has_body(&self) -> bool {
        matches!(self.declaration.asked, Asked::Body(_))
    }

    /// Every code that it can answer: its own, and those that follow from what it is.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        let mut codes = vec![
            "token-missing",
            "token-invalid",
            "token-expired",
            "body-too-large",
            "body-too-slow",
            "uri-too-long",
            "invalid-fields",
            "overloaded",
            "service-unavailable",
            "internal",
        ];
        codes.extend(match self.who {
            Who::Anyone => None,
            Who::EachTheirOwn(_) | Who::PersonIn(_) => Some("not-yourself"),
            Who::Operator => Some("operators-only"),
            Who::Administrator => Some("administrators-only"),
        });
        if self.has_id() {
            codes.push("not-found");
        }
        if self.has_body() {
            codes.push("malformed-json");
        }
        if self.declaration.kind == Kind::List {
            codes.push("query-too-costly");
        }
        if self.is_safe() {
            codes.extend(["malformed-position", "not-a-source", "not-caught-up", "position-lost"]);
        }
        if self.declaration.kind != Kind::Follow {
            codes.push("precondition-failed");
        }
        if !self.is_safe() {
            codes.extend(["bad-idempotency-key", "idempotency-key-reused", "request-in-progress", "outcome-unknown"]);
            codes.extend(["refused-on-purpose", "cancelled", "call-too-old"]);
        }
        codes.extend(&self.declaration.refusals);
        codes
    }

    /// The statuses with which it does what was asked.
    pub(crate) fn statuses(&self) -> &'static [u16] {
        match self.declaration.kind {
            Kind::List | Kind::Show | Kind::History => &[200, 304],
            Kind::Follow => &[200],
            Kind::Create { standing: false } => &[201],
            Kind::Create { standing: true } => &[201, 200, 204],
            Kind::Edit => &[200, 204],
            Kind::Change => &[204],
        }
    }

    /// What is wrong with an answer, if it is none of those that the contract names.
    pub(crate) fn undeclared(&self, answer: &Result<Response, Problem>) -> Option<String> {
        let Self { method, path, .. } = self;
        match answer {
            Ok(answer) if self.statuses().contains(&answer.status().as_u16()) => None,
            Ok(answer) => Some(format!("{method} {path} answers {}, which its contract does not name", answer.status())),
            Err(problem) => {
                let (code, status) = (problem.code.as_ref(), problem.status);
                let has_page = problems::find(code).is_some_and(|page| page.status == status.as_u16());
                let named = self.codes().contains(&code);
                (!named).then(|| format!("{method} {path} answers `{code}`, which its contract does not name")).or_else(|| {
                    (!has_page).then(|| format!("{method} {path} answers `{code}` with {status}: docs/errors/{code}.md does not say so"))
                })
            }
        }
    }
}
