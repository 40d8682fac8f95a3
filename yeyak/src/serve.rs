//! Runs systems until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use clock::{Clock, SystemClock};
use edge::actuator::Actuator;
use edge::auth::{Expected, Location, Verifier};
use edge::contract;
use edge::contract::openapi::Paths;
use edge::idempotency;
use edge::{Entry, Exporter, Observer};
use eventlog::InProcess;
use gateway::server::{Connections, Server};
use gateway::{Hosted, Outside};
use jiff::SignedDuration;
use payments::Provider;
use payments::api::PAYMENTS;
use runtime::{Environment, Faults, Port, Queues, SystemHandle};
use store::sqlite::{Options, SqliteStore};
use telemetry::{Resource, Tracer};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tower::ServiceExt;

use crate::cli::Selected;
use crate::config::{Auth, Data, FIRST_SERVICE_PORT, Payments, Settings, Telemetry, Tokens};
use crate::data_dir::DataDir;
use crate::error::{Fatal, print};
use crate::log::Levels;
use crate::reload::{Again, Reload};
use crate::systems::{self, Runnable};
use crate::till::checkout::{self, Desk};
use crate::till::reconciling::{self, Reconciler};
use crate::{backup, jobs, till};

/// How long requests that are under way may take once the process is told to stop.
const FAREWELL: Duration = Duration::from_secs(3);

/// How many files are open beside connections, at most.
const OTHER_FILES: u64 = 256;
/// How long the last traces may take to be delivered.
const LAST_TRACES: Duration = Duration::from_secs(1);

/// What is to be run.
pub(crate) struct Plan {
    /// The systems and services.
    pub(crate) selected: Vec<Selected>,
    /// What was said of them.
    pub(crate) settings: Settings,
    /// Reads the settings again.
    pub(crate) again: Again,
    /// Whether sample data is loaded into a fresh store.
    pub(crate) samples: bool,
    /// Whether to say what to try.
    pub(crate) welcome: bool,
}

/// A system that runs.
struct Running {
    handle: SystemHandle,
    runnable: Runnable,
    /// Who takes its money, if it takes any.
    provider: Option<Arc<dyn Provider>>,
}

impl Running {
    /// Its routes behind `base`, with the pages at which guests pay where a provider needs them.
    fn routes(&self, base: &str, entry: &Entry, settings: &Settings, clock: &Arc<dyn Clock>) -> Router {
        let routes = (self.runnable.routes)(&self.handle, base, entry);
        let (Some(provider), Payments::Toss(toss)) = (&self.provider, &settings.restaurant.payments) else { return routes };
        let door = (self.runnable.routes)(&self.handle, "", &Entry::open(entry.limits));
        let (provider, address, clock) = (Arc::clone(provider), toss.checkout.clone(), Arc::clone(clock));
        routes.merge(checkout::routes(Desk { provider, door, address, limits: entry.limits, clock }))
    }
}

/// Runs the plan until SIGTERM or SIGINT.
///
/// # Errors
/// When something it needs cannot be had: an address, the data directory, a store.
pub(crate) fn run(plan: Plan) -> Result<(), Fatal> {
    let levels = crate::log::start(&plan.settings.log)?;
    // What decides does not stand in one row with what listens: however many ask, and however many are turned away, it goes on.
    let (edge, systems) = (threads("edge")?, threads("systems")?);
    edge.block_on(serve(plan, levels, systems.handle().clone()))
}

fn threads(name: &str) -> Result<tokio::runtime::Runtime, Fatal> {
    let threads = tokio::runtime::Builder::new_multi_thread().thread_name(name).enable_all().build();
    threads.map_err(|error| Fatal::Failed(format!("threads cannot be had: {error}")))
}

#[allow(clippy::disallowed_methods, reason = "the process itself may take no longer than its farewell")]
async fn serve(plan: Plan, levels: Levels, threads: tokio::runtime::Handle) -> Result<(), Fatal> {
    let Plan { selected, settings, again, samples, welcome } = plan;
    // A signal that comes while everything is being started is not lost: it stops what has been started by then.
    let mut stop = Stop::listen()?;
    let hangups = listen_for(SignalKind::hangup())?;
    if samples && let Some(partial) = selected.iter().find(|one| !systems::is_whole(one)) {
        return Err(Fatal::Usage(format!("sample data needs all services of {}", partial.system)));
    }
    // Addresses come first: a second instance is told so before it looks at any data.
    let gateway = listen(settings.listen).await?;
    // With port 0 the system chose one.
    let address = gateway.local_addr().unwrap_or(settings.listen);
    let service_ports = if settings.service_ports { listen_for_services(&selected, settings.listen).await? } else { Vec::new() };

    let now = SystemClock::real_now();
    let mut data = match &settings.data {
        Data::Directory(path) if path.join(crate::manifest::FILE).exists() => {
            let path = path.display();
            return Err(Fatal::Failed(format!(
                "{path} is a backup, which serving would change: `yeyak restore {path} --data DIR` makes an installation of it"
            )));
        }
        Data::Directory(path) => DataDir::open(path, now),
        Data::Temporary => DataDir::temporary(now),
    }
    .map_err(Fatal::Data)?;
    if let Some(instant) = settings.clock {
        data.set_clock_offset_once(instant, now).map_err(Fatal::Data)?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::with_offset(SignedDuration::from_micros(data.clock_offset())));

    let faults = Faults::default();
    let open_to_network = settings.auth == Auth::Open && settings.reaches_network();
    if open_to_network {
        tracing::warn!(%address, "open to the network: everybody who can reach this address may do everything");
    }
    let limits = edge::Limits {
        body: settings.limits.body,
        time: Duration::from_secs(settings.limits.request_seconds.into()),
        ..edge::Limits::default()
    };
    let entry = Entry { limits, auth: auth(&settings.auth, &clock).await? };
    let connections = Connections {
        most: settings.limits.connections as usize,
        silence: Duration::from_secs(settings.limits.silence_seconds.into()),
        ..Connections::default()
    };
    allow_files(connections.most * (1 + service_ports.len()));
    let stopping = Arc::new(AtomicBool::new(false));
    let (tracer, exporter) = traces(&settings.telemetry)?;
    let observer = Observer::new(Arc::clone(&clock), tracer.clone());
    let mut running = Vec::new();
    for one in &selected {
        running.push(start(one, &settings, data.path(), &clock, &faults, &tracer, &threads).await?);
    }
    let books = books(&running, &settings, &clock)?;
    let actuator = Actuator {
        systems: running.iter().map(|system| system.handle.clone()).collect(),
        faults: settings.faults.then(|| faults.clone()),
        auth: entry.auth.clone(),
        limits,
        clock: Arc::clone(&clock),
        observer: observer.clone(),
        open_to_network,
        stopping: Arc::clone(&stopping),
        verify: Some(jobs::verifies(running.iter().map(|system| system.handle.clone()).collect())),
        backup: Some(jobs::backs_up(
            data.path().into(),
            settings.backup_dir.clone().unwrap_or_else(|| data.path().join(backup::DIRECTORY)),
        )),
        reconcile: jobs::reconciles(books.clone()),
        shows: vec![reconciling::shows(books.clone())],
    };
    let hosted: Vec<_> = running
        .iter()
        .map(|system| Hosted { name: system.handle.name(), routes: Box::new(|base| system.routes(base, &entry, &settings, &clock)) })
        .collect();
    let ids: Arc<dyn Fn() -> String + Send + Sync> = Arc::new(new_id);
    let outside = Outside { cors: settings.cors.clone(), ids, catalogue: systems::catalogue(), observer };
    let paths = if selected.len() == 1 { Paths::Bare } else { Paths::Prefixed };
    let served = selected.clone();
    let shown = contract::router(move || systems::contract(&served), paths);
    let door = gateway::door(&hosted, actuator.clone().into_router().merge(shown), &outside);
    if samples {
        for system in &running {
            load_samples(system, data.path(), limits).await?;
        }
    }

    let mut servers = vec![Server::start(gateway, door, connections)];
    for (listener, service) in service_ports {
        let routes = running.iter().filter_map(|system| {
            let alone = system.handle.only(service)?;
            Some((system.runnable.routes)(&alone, "", &entry))
        });
        // Service ports are those of one system.
        let own: Vec<_> = selected.iter().map(|one| Selected { services: vec![service], ..one.clone() }).collect();
        let beside = actuator.clone().into_router().merge(contract::router(move || systems::contract(&own), Paths::Unnamed));
        let door = gateway::service_door(routes.fold(Router::new(), Router::merge), beside, &outside);
        servers.push(Server::start(listener, door, connections));
    }
    let keys = match &entry.auth {
        edge::Auth::Open => None,
        edge::Auth::Required(keys) => Some(Arc::clone(keys)),
    };
    for one in books {
        tokio::spawn(async move { one.run().await });
    }
    tokio::spawn(Reload { settings: settings.clone(), again, levels, keys }.run(hangups));
    tracing::info!(%address, "ready");
    if welcome {
        print(&what_to_try(address))?;
    }

    stop.told().await;
    stopping.store(true, Ordering::Relaxed);
    let drain = Duration::from_secs(settings.limits.drain_seconds.into());
    if !drain.is_zero() {
        tracing::info!(?drain, "stopping: no longer ready, and new connections are taken until others know");
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            () = stop.told() => {}
        }
    }
    tracing::info!("stopping: no new connections, what is under way is finished");
    // Streams have no end of their own: whoever reads one comes back elsewhere.
    for system in &running {
        system.handle.end_following();
    }
    let finished = async {
        for server in &servers {
            server.stop();
        }
        for server in servers {
            server.ended().await;
        }
    };
    tokio::select! {
        done = tokio::time::timeout(FAREWELL, finished) => {
            if done.is_err() {
                tracing::warn!("some requests were still under way");
            }
        }
        () = stop.told() => tracing::warn!("told again to stop: what is still under way is left"),
    }
    for system in &running {
        system.handle.stop();
    }
    if let Some(exporter) = exporter {
        // What is lost now is lost to nobody but whoever looks at traces.
        _ = tokio::time::timeout(LAST_TRACES, exporter.flush()).await;
    }
    Ok(())
}

/// The books of the systems that take payments.
fn books(running: &[Running], settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Vec<Arc<Reconciler>>, Fatal> {
    let zone = systems::zone(&settings.restaurant.zone)?;
    let takes = running.iter().filter_map(|system| Some((system.handle.clone(), Arc::clone(system.provider.as_ref()?))));
    Ok(takes.map(|(system, provider)| Arc::new(Reconciler::new(system, provider, zone.clone(), Arc::clone(clock)))).collect())
}

/// What records traces, and what sends them if they are to be sent.
#[allow(clippy::disallowed_methods, reason = "here traces are given their ids and the task that sends them")]
fn traces(told: &Telemetry) -> Result<(Tracer, Option<Arc<Exporter>>), Fatal> {
    let Some(endpoint) = &told.otlp else { return Ok((Tracer::off(), None)) };
    // Who looks at traces looks at those of other programs too: they have the machine's time, whatever time it is here.
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::with_offset(SignedDuration::ZERO));
    let id = uuid::Uuid::now_v7();
    let tracer = Tracer::new(Arc::clone(&clock), id.as_u64_pair().1, told.sampled_percent);
    let resource = Resource { name: "yeyak", version: env!("CARGO_PKG_VERSION"), instance: id.to_string() };
    let exporter = Exporter::new(endpoint, resource, tracer.clone(), clock);
    let exporter = Arc::new(exporter.map_err(|why| Fatal::Failed(format!("telemetry.otlp: {why}")))?);
    let sends = Arc::clone(&exporter);
    tokio::spawn(async move { sends.run().await });
    Ok((tracer, Some(exporter)))
}

/// What checks who calls, as it was told.
#[allow(clippy::disallowed_methods, reason = "here the keys of tokens are given the task that keeps them fresh")]
async fn auth(told: &Auth, clock: &Arc<dyn Clock>) -> Result<edge::Auth, Fatal> {
    let Auth::Required(Tokens { issuer, audience, jwks }) = told else { return Ok(edge::Auth::Open) };
    let failed = |why: String| Fatal::Failed(format!("auth.jwks: {jwks}: {why}"));
    let expected = Expected { issuer: issuer.clone(), audience: audience.clone() };
    let verifier = Arc::new(Verifier::new(expected, jwks.source().map_err(failed)?, Arc::clone(clock)));
    match (verifier.load().await, jwks) {
        (Ok(0), Location::File(_)) => return Err(failed("has no public key for RS256, ES256 or EdDSA".into())),
        (Err(why), Location::File(_)) => return Err(failed(why)),
        // An issuer that is away now comes back; until then nobody gets in.
        (Ok(_) | Err(_), _) => {}
    }
    let keys = Arc::clone(&verifier);
    tokio::spawn(async move { keys.keep_fresh().await });
    Ok(edge::Auth::Required(verifier))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Fatal> {
    TcpListener::bind(address).await.map_err(|source| Fatal::Listen { address, source })
}

async fn listen_for_services(selected: &[Selected], gateway: SocketAddr) -> Result<Vec<(TcpListener, &'static str)>, Fatal> {
    let mut listeners = Vec::new();
    for known in systems::known() {
        let Some(one) = selected.iter().find(|one| one.system == known.name) else { continue };
        for (port, service) in (FIRST_SERVICE_PORT..).zip(known.services) {
            if one.services.contains(&service) {
                listeners.push((listen(SocketAddr::new(gateway.ip(), port)).await?, service));
            }
        }
    }
    Ok(listeners)
}

#[allow(clippy::disallowed_methods, reason = "here the systems are given their threads and their ids")]
async fn start(
    selected: &Selected,
    settings: &Settings,
    data: &Path,
    clock: &Arc<dyn Clock>,
    faults: &Faults,
    tracer: &Tracer,
    threads: &tokio::runtime::Handle,
) -> Result<Running, Fatal> {
    let threads = threads.clone();
    let mut runnable = systems::runnable(selected.system, settings)?;
    let spec = std::mem::replace(&mut runnable.spec, runtime::SystemSpec { name: selected.system, services: Vec::new() });
    let file = data.join(systems::file(selected.system));
    let store = SqliteStore::open(&file, spec.schema(), &Options::default()).map_err(|error| Fatal::Failed(error.to_string()))?;
    let provider = till::provider(selected.system, settings, data, clock)?;
    let ports = provider.iter().map(|provider| Port { name: PAYMENTS, door: Arc::clone(provider) as _ }).collect();
    let environment = Environment {
        store: Arc::new(store),
        carrier: Arc::new(InProcess::default()),
        clock: Arc::clone(clock),
        faults: faults.clone(),
        spawner: Arc::new(move |work| drop(threads.spawn(work))),
        ids: Arc::new(new_id),
        queues: Queues { usual: settings.limits.queue, own: runnable.queues.clone() },
        pace: runtime::PACE,
        only: selected.services.iter().map(|service| (*service).to_owned()).collect(),
        ports,
        tracer: tracer.clone(),
    };
    let handle = SystemHandle::start(spec, environment).await.map_err(|error| Fatal::Failed(format!("{}: {error}", file.display())))?;
    Ok(Running { handle, runnable, provider })
}

/// An id unlike any other, which grows with time.
#[allow(clippy::disallowed_methods, reason = "here the process is given its ids")]
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Sends the sample data as requests like everyone's, for which the installation itself needs no token; unless there is something
/// already. Each request has a key of its own, so that a load which was interrupted is gone on with and nothing is there twice.
async fn load_samples(system: &Running, data: &Path, limits: edge::Limits) -> Result<(), Fatal> {
    let name = system.handle.name();
    let failed = |what: String| Fatal::Failed(format!("sample data of {name}: {what}"));
    let under_way = data.join(systems::samples_marker(name));
    if !under_way.exists() && !system.handle.is_fresh().await.map_err(|error| failed(error.to_string()))? {
        return Ok(());
    }
    std::fs::write(&under_way, "being loaded\n").map_err(|error| failed(error.to_string()))?;
    let door = (system.runnable.routes)(&system.handle, "", &Entry::open(limits));
    for (number, (path, body)) in (1..).zip(&system.runnable.samples) {
        let request = Request::post(*path).header(idempotency::HEADER, format!("sample-{number}"));
        let request = request.body(Body::from(body.to_string())).map_err(|error| failed(error.to_string()))?;
        let Ok(response) = door.clone().oneshot(request).await;
        if !response.status().is_success() {
            return Err(failed(format!("POST {path} was answered with {}", response.status())));
        }
    }
    std::fs::remove_file(&under_way).map_err(|error| failed(error.to_string()))
}

/// Lets this process have as many files open as its connections and stores take, where the system does not forbid it.
fn allow_files(connections: usize) {
    let needed = connections as u64 + OTHER_FILES;
    match rlimit::increase_nofile_limit(needed) {
        Ok(allowed) if allowed < needed => {
            tracing::warn!(allowed, needed, "the system allows fewer open files than limits.connections needs")
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, needed, "how many files may be open cannot be changed"),
    }
}

fn listen_for(kind: SignalKind) -> Result<Signal, Fatal> {
    signal(kind).map_err(|error| Fatal::Failed(format!("signals cannot be listened for: {error}")))
}

/// The signals that tell it to stop.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> Result<Self, Fatal> {
        Ok(Self { terminate: listen_for(SignalKind::terminate())?, interrupt: listen_for(SignalKind::interrupt())? })
    }

    /// Waits until it is told, for the first time or once more.
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn what_to_try(address: SocketAddr) -> String {
    let (rooms, venues) = (format!("http://{address}/{}", meetingroom::NAME), format!("http://{address}/{}", restaurant::NAME));
    format!(
        "Yeyak runs on http://{address} with sample meeting rooms and a restaurant. Try:\n\n  \
         curl {rooms}/rooms\n  \
         curl -X POST {rooms}/reserves -H 'Content-Type: application/json' \\\n    \
         -d '{{\"userId\": \"1\", \"roomId\": 3, \"date\": \"'$(TZ=Asia/Seoul date -d tomorrow +%F)'\"}}'\n  \
         curl {rooms}/roomTables\n  \
         curl -X POST {venues}/reservations -H 'Content-Type: application/json' \\\n    \
         -d '{{\"customerId\": \"1\", \"restaurantNo\": \"10\", \"day\": \"'$(TZ=Asia/Seoul date -d tomorrow +%F)'\"}}'\n  \
         curl {venues}/myPages\n"
    )
}
