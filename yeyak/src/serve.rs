//! Runs systems until it is told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::serve::ListenerExt;
use clock::{Clock, SystemClock};
use edge::Entry;
use edge::actuator::Actuator;
use edge::auth::{Expected, Location, Verifier};
use edge::contract;
use edge::contract::openapi::Paths;
use edge::idempotency;
use eventlog::InProcess;
use gateway::Hosted;
use jiff::SignedDuration;
use runtime::{Environment, Faults, SystemHandle};
use store::sqlite::{Options, SqliteStore};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower::ServiceExt;

use crate::cli::Selected;
use crate::config::{Auth, Data, FIRST_SERVICE_PORT, Settings, Tokens};
use crate::data_dir::DataDir;
use crate::error::{Fatal, print};
use crate::systems::{self, Runnable};

/// How long requests that are under way may take once the process is told to stop.
const FAREWELL: Duration = Duration::from_secs(4);

/// What is to be run.
pub(crate) struct Plan {
    /// The systems and services.
    pub(crate) selected: Vec<Selected>,
    /// What was said of them.
    pub(crate) settings: Settings,
    /// Whether sample data is loaded into a fresh store.
    pub(crate) samples: bool,
    /// Whether to say what to try.
    pub(crate) welcome: bool,
}

/// A system that runs.
struct Running {
    handle: SystemHandle,
    runnable: Runnable,
}

/// Runs the plan until SIGTERM or SIGINT.
///
/// # Errors
/// When something it needs cannot be had: an address, the data directory, a store.
pub(crate) fn run(plan: Plan) -> Result<(), Fatal> {
    crate::log::start(&plan.settings.log)?;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    threads.map_err(|error| Fatal::Failed(format!("threads cannot be had: {error}")))?.block_on(serve(plan))
}

#[allow(clippy::disallowed_methods, reason = "the process itself may take no longer than its farewell")]
async fn serve(plan: Plan) -> Result<(), Fatal> {
    let Plan { selected, settings, samples, welcome } = plan;
    // A signal that comes while everything is being started is not lost: it stops what has been started by then.
    let stop = stop_signal();
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
    let mut running = Vec::new();
    for one in &selected {
        running.push(start(one, &settings, data.path(), &clock, &faults).await?);
    }
    let actuator = Actuator {
        systems: running.iter().map(|system| system.handle.clone()).collect(),
        faults: settings.faults.then(|| faults.clone()),
        auth: entry.auth.clone(),
        open_to_network,
    };
    let hosted: Vec<_> = running
        .iter()
        .map(|system| Hosted {
            name: system.handle.name(),
            routes: Box::new(|base| (system.runnable.routes)(&system.handle, base, &entry)),
        })
        .collect();
    let paths = if selected.len() == 1 { Paths::Bare } else { Paths::Prefixed };
    let served = selected.clone();
    let shown = contract::router(move || systems::contract(&served), paths);
    let door = gateway::door(&hosted, actuator.clone().into_router().merge(shown));
    if samples {
        for system in &running {
            load_samples(system, data.path(), limits).await?;
        }
    }

    let mut servers = vec![spawn(gateway, door)];
    for (listener, service) in service_ports {
        let routes = running.iter().filter_map(|system| {
            let alone = system.handle.only(service)?;
            Some((system.runnable.routes)(&alone, "", &entry))
        });
        // Service ports are those of one system.
        let own: Vec<_> = selected.iter().map(|one| Selected { services: vec![service], ..one.clone() }).collect();
        let beside = actuator.clone().into_router().merge(contract::router(move || systems::contract(&own), Paths::Unnamed));
        servers.push(spawn(listener, gateway::service_door(routes.fold(Router::new(), Router::merge), beside)));
    }
    tracing::info!(%address, "ready");
    if welcome {
        print(&what_to_try(address));
    }

    stop.await?;
    tracing::info!("stopping: no new connections, what is under way is finished");
    let finished = async {
        for server in &mut servers {
            server.stop();
        }
        for server in servers {
            server.ended().await;
        }
    };
    if tokio::time::timeout(FAREWELL, finished).await.is_err() {
        tracing::warn!("some requests were still under way");
    }
    for system in &running {
        system.handle.stop();
    }
    Ok(())
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
async fn start(selected: &Selected, settings: &Settings, data: &Path, clock: &Arc<dyn Clock>, faults: &Faults) -> Result<Running, Fatal> {
    let mut runnable = systems::runnable(selected.system, settings)?;
    let spec = std::mem::replace(&mut runnable.spec, runtime::SystemSpec { name: selected.system, services: Vec::new() });
    let file = data.join(format!("{}.db", selected.system));
    let store = SqliteStore::open(&file, spec.schema(), &Options::default()).map_err(|error| Fatal::Failed(error.to_string()))?;
    let environment = Environment {
        store: Arc::new(store),
        carrier: Arc::new(InProcess::default()),
        clock: Arc::clone(clock),
        faults: faults.clone(),
        spawner: Arc::new(|work| drop(tokio::spawn(work))),
        ids: Arc::new(|| uuid::Uuid::now_v7().to_string()),
        queue: settings.limits.queue,
        only: selected.services.iter().map(|service| (*service).to_owned()).collect(),
    };
    let handle = SystemHandle::start(spec, environment).await.map_err(|error| Fatal::Failed(format!("{}: {error}", file.display())))?;
    Ok(Running { handle, runnable })
}

/// Sends the sample data as requests like everyone's, for which the installation itself needs no token; unless there is something
/// already. Each request has a key of its own, so that a load which was interrupted is gone on with and nothing is there twice.
async fn load_samples(system: &Running, data: &Path, limits: edge::Limits) -> Result<(), Fatal> {
    let name = system.handle.name();
    let failed = |what: String| Fatal::Failed(format!("sample data of {name}: {what}"));
    let under_way = data.join(format!("{name}.samples"));
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

/// A server that runs, and how it is told to stop.
struct Server {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    fn stop(&mut self) {
        self.stop.take();
    }

    async fn ended(self) {
        // A server that failed has said so itself.
        let _ = self.task.await;
    }
}

#[allow(clippy::disallowed_methods, reason = "a server runs beside everything else")]
fn spawn(listener: TcpListener, door: Router) -> Server {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // Answers are small, and whoever waits for one should not wait for the next to fill a packet.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, door).with_graceful_shutdown(async move { drop(stopped.await) });
        if let Err(error) = served.await {
            tracing::error!(%error, "a server ended");
        }
    });
    Server { stop: Some(stop), task }
}

fn stop_signal() -> impl Future<Output = Result<(), Fatal>> {
    let listen = |kind| signal(kind).map_err(|error| Fatal::Failed(format!("signals cannot be listened for: {error}")));
    let (terminate, interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    async move {
        let (mut terminate, mut interrupt) = (terminate?, interrupt?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}

fn what_to_try(address: SocketAddr) -> String {
    format!(
        "Yeyak runs on http://{address} with sample meeting rooms. Try:\n\n  \
         curl http://{address}/rooms\n  \
         curl -X POST http://{address}/reserves -H 'Content-Type: application/json' \\\n    \
         -d '{{\"userId\": \"1\", \"roomId\": 3, \"date\": \"'$(TZ=Asia/Seoul date -d tomorrow +%F)'\"}}'\n  \
         curl http://{address}/roomTables\n"
    )
}
