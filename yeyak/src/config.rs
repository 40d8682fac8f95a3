//! Everything Yeyak can be told, and where it may be said: a flag, the environment, a TOML file, or nowhere.
//!
//! A flag goes before the environment, the environment before the file, the file before the default. Each key is declared
//! once, in [`Settings::read`]: its path there is its place in the file, and its name in the environment follows from it
//! (`limits.queue` is `YEYAK_LIMITS_QUEUE`). All that was said is checked, also what something else overrides, and all that
//! is wrong is named at once, with its line.

mod file;
mod payments;
mod sources;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use edge::auth::{KeySet, Location};
use gateway::Cors;
use jiff::Timestamp;
use tracing_subscriber::filter::{LevelFilter, Targets};

pub(crate) use payments::Payments;
use sources::Sources;
pub(crate) use sources::{Environment, nearest, variable};
pub(crate) use value::{USER_IN_ADDRESS, quoted};

/// What Yeyak was told, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// The address of the gateway: `listen`, by default 127.0.0.1:8088. With `auth=open` it is a loopback address, unless
    /// `open_to_network`.
    pub(crate) listen: SocketAddr,
    /// Where everything durable stands: `data`, by default `./yeyak-data`, and for the demo a temporary directory. A relative
    /// path is taken from the working directory.
    pub(crate) data: Data,
    /// Who may do what: `auth`, by default open. In the file it is `auth.mode` where anything else is said of it.
    pub(crate) auth: Auth,
    /// Whether `auth=open` may listen to other machines: `open-to-network`, by default not.
    pub(crate) open_to_network: bool,
    /// The origins whose pages may ask: `cors`, by default all with `auth=open` and none with `auth=required`.
    pub(crate) cors: Cors,
    /// The instant a fresh store starts at: `clock`, by default the real one. A store that was used before keeps its own.
    pub(crate) clock: Option<Timestamp>,
    /// Whether the sample data is loaded into a fresh store: `samples`, by default not; the demo always does.
    pub(crate) samples: bool,
    /// Whether each service has a port of its own as well, from [`FIRST_SERVICE_PORT`] on: `service-ports`, by default not.
    pub(crate) service_ports: bool,
    /// Whether the fault switch is there: `faults`, by default not.
    pub(crate) faults: bool,
    /// What is logged, and how: `[log]`.
    pub(crate) log: Log,
    /// Where traces go: `[telemetry]`.
    pub(crate) telemetry: Telemetry,
    /// What is too much: `[limits]`.
    pub(crate) limits: Limits,
    /// Where backups are put that are asked for while it runs: `backup.dir`, by default `backups` in the data directory. A relative path
    /// is taken from the working directory.
    pub(crate) backup_dir: Option<PathBuf>,
    /// The meeting rooms: `[meetingroom]`.
    pub(crate) meetingroom: Meetingroom,
    /// The restaurants: `[restaurant]`.
    pub(crate) restaurant: Restaurant,
}

/// Where everything durable stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// In this directory.
    Directory(PathBuf),
    /// In a directory that is removed at the end.
    Temporary,
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Whoever a request names, acts.
    Open,
    /// Callers prove who they are, by tokens.
    Required(Tokens),
}

/// Which tokens count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Who has issued them: `auth.issuer`.
    pub(crate) issuer: String,
    /// For whom they are meant: `auth.audience`.
    pub(crate) audience: String,
    /// Where the issuer's public keys are: `auth.jwks`. A relative path is taken from the working directory.
    pub(crate) jwks: Location,
}

/// Whether callers have to prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    Required,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    /// The levels: `log.level`, by default `info`. Parts of Yeyak can have their own: `info,yeyak_store=debug`.
    pub(crate) level: Targets,
    /// The form of a line: `log.format`, by default text.
    pub(crate) format: LogFormat,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object each, for machines.
    Json,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Telemetry {
    /// The address of the OpenTelemetry collector that traces are sent to, by OTLP over HTTP: `telemetry.otlp`, by default nowhere.
    pub(crate) otlp: Option<String>,
    /// Of a hundred traces that begin here, so many are recorded: `telemetry.sampled-percent`, by default all.
    pub(crate) sampled_percent: u8,
}

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many new commands one service takes in before those that wait are answered: `limits.queue`, by default 1024. More are answered
    /// with 503. A service can have its own: `meetingroom.reserve.queue`.
    pub(crate) queue: usize,
    /// The largest body of a request, in bytes: `limits.body`, by default and at most 65536.
    pub(crate) body: usize,
    /// How long a request may take, in seconds: `limits.request-seconds`, by default 10.
    pub(crate) request_seconds: u32,
    /// How many connections there are at once, on each port: `limits.connections`, by default 4096. One more takes the place of the one
    /// that has been silent for longest.
    pub(crate) connections: u32,
    /// How long a connection may be silent, in seconds: `limits.silence-seconds`, by default 75.
    pub(crate) silence_seconds: u32,
    /// How long connections are still accepted after SIGTERM, in seconds, while readiness says already that this process is leaving:
    /// `limits.drain-seconds`, by default 0.
    pub(crate) drain_seconds: u32,
}

/// The meeting rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meetingroom {
    /// The time zone of the rooms, by its IANA name in the usual spelling: `meetingroom.zone`, by default Asia/Seoul.
    pub(crate) zone: String,
    /// How many new commands a service takes in, where it is not `limits.queue`: `meetingroom.reserve.queue` and the like.
    pub(crate) queues: BTreeMap<String, usize>,
    /// Reservations: `[meetingroom.reserve]`.
    pub(crate) reserve: Reserve,
}

/// Reservations of meeting rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reserve {
    /// After how many minutes a reservation that was not started expires: `meetingroom.reserve.grace-minutes`, by default 15.
    /// 0 is never.
    pub(crate) grace_minutes: u32,
    /// How many minutes before its slot a meeting can start: `meetingroom.reserve.early-minutes`, by default 10.
    pub(crate) early_minutes: u32,
}

/// The restaurants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restaurant {
    /// The time zone of the venues, by its IANA name in the usual spelling: `restaurant.zone`, by default Asia/Seoul.
    pub(crate) zone: String,
    /// How many new commands a service takes in, where it is not `limits.queue`: `restaurant.reservation.queue` and the like.
    pub(crate) queues: BTreeMap<String, usize>,
    /// Who takes their money: `[restaurant.payments]`.
    pub(crate) payments: Payments,
}

/// The port of a system's first service, where each service has its own.
pub(crate) const FIRST_SERVICE_PORT: u16 = 8081;
/// The port of a system's fifth service; none has more.
pub(crate) const LAST_SERVICE_PORT: u16 = 8085;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8088);
const DEFAULT_ZONE: &str = "Asia/Seoul";
const LARGEST_BODY: u32 = 64 * 1024;
const MINUTES_OF_A_DAY: u32 = 24 * 60;
/// The services of meetingroom that take commands.
const MEETINGROOM_QUEUES: [(&str, &str); 4] = [
    ("room", "meetingroom.room.queue"),
    ("reserve", "meetingroom.reserve.queue"),
    ("conference", "meetingroom.conference.queue"),
    ("maintenance", "meetingroom.maintenance.queue"),
];
/// The services of restaurant that take commands.
const RESTAURANT_QUEUES: [(&str, &str); 4] = [
    ("reservation", "restaurant.reservation.queue"),
    ("deposit", "restaurant.deposit.queue"),
    ("restaurant", "restaurant.restaurant.queue"),
    ("recommendation", "restaurant.recommendation.queue"),
];

impl Settings {
    /// Reads all that was said: `flags` by key, the environment, and the file if there is one. `data` is where the data is
    /// when nobody says.
    ///
    /// # Errors
    /// All that is wrong, in the order of the file's lines, then of the environment and the flags.
    pub(crate) fn read(
        flags: &[(&'static str, &str)],
        environment: &Environment,
        file: Option<&Path>,
        data: Data,
    ) -> Result<Self, Vec<Problem>> {
        let mut said = Sources::gather(flags, environment, file);

        let listen = said.take("listen", value::address);
        let service_ports = said.take("service-ports", value::boolean);
        let data = said.take("data", value::path).into_value().map_or(data, Data::Directory);
        let (auth, is_open) = Self::read_auth(&mut said);
        let settings = Self {
            listen: listen.value().copied().unwrap_or(DEFAULT_LISTEN),
            data,
            auth,
            cors: said.take("cors", value::origins).into_value().unwrap_or(if is_open { Cors::Any } else { Cors::These(Vec::new()) }),
            open_to_network: said.take("open-to-network", value::boolean).into_value().unwrap_or(false),
            clock: said.take("clock", value::instant).into_value(),
            samples: said.take("samples", value::boolean).into_value().unwrap_or(false),
            service_ports: service_ports.value().copied().unwrap_or(false),
            faults: said.take("faults", value::boolean).into_value().unwrap_or(false),
            log: Log {
                level: said.take("log.level", value::levels).into_value().unwrap_or(Targets::new().with_default(LevelFilter::INFO)),
                format: said.take("log.format", value::log_format).into_value().unwrap_or(LogFormat::Text),
            },
            telemetry: Telemetry {
                otlp: said.take("telemetry.otlp", value::endpoint).into_value(),
                sampled_percent: said
                    .take("telemetry.sampled-percent", value::whole(0, 100))
                    .into_value()
                    .and_then(|percent| u8::try_from(percent).ok())
                    .unwrap_or(100),
            },
            limits: Limits {
                queue: said.take("limits.queue", queue()).into_value().unwrap_or(1024) as usize,
                body: said.take("limits.body", value::whole(1, LARGEST_BODY)).into_value().unwrap_or(LARGEST_BODY) as usize,
                request_seconds: said.take("limits.request-seconds", value::whole(1, 300)).into_value().unwrap_or(10),
                connections: said.take("limits.connections", value::whole(1, 100_000)).into_value().unwrap_or(4096),
                silence_seconds: said.take("limits.silence-seconds", value::whole(1, 3600)).into_value().unwrap_or(75),
                drain_seconds: said.take("limits.drain-seconds", value::whole(0, 60)).into_value().unwrap_or(0),
            },
            backup_dir: said.take("backup.dir", value::path).into_value(),
            meetingroom: Meetingroom {
                zone: said.take("meetingroom.zone", value::zone).into_value().unwrap_or_else(|| DEFAULT_ZONE.into()),
                queues: Self::read_queues(&mut said, &MEETINGROOM_QUEUES),
                reserve: Reserve {
                    grace_minutes: said
                        .take("meetingroom.reserve.grace-minutes", value::whole(0, MINUTES_OF_A_DAY))
                        .into_value()
                        .unwrap_or(15),
                    early_minutes: said
                        .take("meetingroom.reserve.early-minutes", value::whole(0, MINUTES_OF_A_DAY))
                        .into_value()
                        .unwrap_or(10),
                },
            },
            restaurant: Restaurant {
                zone: said.take("restaurant.zone", value::zone).into_value().unwrap_or_else(|| DEFAULT_ZONE.into()),
                queues: Self::read_queues(&mut said, &RESTAURANT_QUEUES),
                payments: Payments::read(&mut said),
            },
        };

        let address = settings.listen;
        if is_open && settings.reaches_network() && !settings.open_to_network {
            said.refuse(
                &listen,
                format!(
                    "auth=open takes everybody at their word, so it listens to this machine alone, never on {}: \
                     write 127.0.0.1:{port} or localhost:{port}, or auth=required; \
                     or open-to-network as well, if everybody who can reach it may do everything",
                    address.ip(),
                    port = address.port()
                ),
            );
        }
        if settings.service_ports && (FIRST_SERVICE_PORT..=LAST_SERVICE_PORT).contains(&address.port()) {
            said.refuse(
                &listen,
                format!(
                    "port {} belongs to a service, with service-ports: write one outside {FIRST_SERVICE_PORT}–{LAST_SERVICE_PORT}",
                    address.port()
                ),
            );
        }

        let problems = said.finish();
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// Reads how many new commands services take in that have a bound of their own.
    fn read_queues(said: &mut Sources<'_>, keys: &[(&str, &'static str)]) -> BTreeMap<String, usize> {
        let own = keys.iter().map(|(service, key)| ((*service).to_owned(), said.take(key, queue()).into_value()));
        own.filter_map(|(service, queue)| Some((service, queue? as usize))).collect()
    }

    /// Reads who may do what, and whether that is open.
    fn read_auth(said: &mut Sources<'_>) -> (Auth, bool) {
        let short = said.take("auth", value::mode);
        let long = said.take("auth.mode", value::mode);
        let issuer = said.take("auth.issuer", value::name);
        let audience = said.take("auth.audience", value::name);
        let jwks = said.take("auth.jwks", value::location);
        // Both mean the same, so what counts is where they were said. One place that says both and differs is not to be guessed.
        let (mode, other) = if long.goes_before(&short) { (long, short) } else { (short, long) };
        if mode.value() != other.value() && other.value().is_some() && !mode.goes_before(&other) {
            said.refuse(&mode, "says something else than auth.mode: say it once".into());
        }
        // `yeyak token` hears of an issuer and an audience too, so it is the keys that show what was meant.
        if mode.value().is_none() && jwks.value().is_some() {
            said.refuse(&jwks, "counts with auth=required alone, which nobody says: write auth.mode too".into());
        }
        let (issuer, audience, jwks) = (issuer.into_value(), audience.into_value(), jwks.into_value());
        if mode.value() != Some(&Mode::Required) {
            return (Auth::Open, true);
        }
        let needed = [
            (issuer.is_none(), "auth.issuer, who has issued the tokens that count"),
            (audience.is_none(), "auth.audience, for whom these are meant"),
            (jwks.is_none(), "auth.jwks, the path or the address of the issuer's public keys"),
        ];
        for (_, what) in needed.iter().filter(|(missing, _)| *missing) {
            said.refuse(&mode, format!("auth=required needs {what}"));
        }
        match (issuer, audience, jwks) {
            (Some(issuer), Some(audience), Some(jwks)) => (Auth::Required(Tokens { issuer, audience, jwks }), false),
            _ => (Auth::Open, false),
        }
    }

    /// Whether other machines can reach it.
    pub(crate) fn reaches_network(&self) -> bool {
        !self.listen.ip().to_canonical().is_loopback()
    }

    /// What is wrong with the files that are named, if anything is.
    pub(crate) fn trouble_with_files(&self) -> Option<String> {
        self.trouble_with_keys().or_else(|| match &self.restaurant.payments {
            Payments::Test => None,
            Payments::Toss(toss) => toss.with_key().err(),
        })
    }

    /// What is wrong with the file of keys, if that is where they are.
    fn trouble_with_keys(&self) -> Option<String> {
        let Auth::Required(Tokens { jwks: Location::File(path), .. }) = &self.auth else { return None };
        // As `serve` reads it, so that what is right here is right there.
        let trouble = match KeySet::read(path) {
            Err(why) => why,
            Ok(keys) if keys.is_empty() => "has no public key for RS256, ES256 or EdDSA".into(),
            Ok(_) => return None,
        };
        Some(format!("auth.jwks: {}: {trouble}", path.display()))
    }

    /// Reads a switch that stands in no file: what its flag says, or else the environment; off if nobody says.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn read_switch(key: &'static str, flag: Option<&str>, environment: &Environment) -> Result<bool, Vec<Problem>> {
        let flags: Vec<_> = flag.map(|flag| (key, flag)).into_iter().collect();
        let mut said = Sources::gather(&flags, environment, None);
        let on = said.take(key, value::boolean).into_value().unwrap_or(false);
        let problems = said.finish();
        if problems.is_empty() { Ok(on) } else { Err(problems) }
    }
}

fn queue() -> impl Fn(&value::Value) -> Result<u32, String> {
    value::whole(1, 100_000)
}

/// Something that was said wrongly, and how it is right. Shown as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    place: Place,
    key: Option<String>,
    message: String,
}

/// Where something was said. The order is that of the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In this file, and in this line of it if it is known.
    File(String, Option<usize>),
    /// By this variable.
    Environment(String),
    /// By this flag.
    Flag(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path, Some(line)) => write!(out, "{path}:{line}: ")?,
            Place::File(name, None) | Place::Environment(name) | Place::Flag(name) => write!(out, "{name}: ")?,
        }
        match (&self.place, &self.key) {
            (Place::File(..), Some(key)) => write!(out, "{key}: {}", self.message),
            _ => out.write_str(&self.message),
        }
    }
}
