//! Everything Yeyak can be told, and where it may be said: a flag, the environment, a TOML file, or nowhere.
//!
//! A flag goes before the environment, the environment before the file, the file before the default. Each key is declared
//! once, in [`Settings::read`]: its path there is its place in the file, and its name in the environment follows from it
//! (`limits.queue` is `YEYAK_LIMITS_QUEUE`). All that was said is checked, also what something else overrides, and all that
//! is wrong is named at once, with its line.

mod file;
mod sources;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use edge::auth::{KeySet, Location};
use jiff::Timestamp;
use tracing_subscriber::filter::{LevelFilter, Targets};

use sources::Sources;
pub(crate) use sources::{Environment, nearest, variable};
pub(crate) use value::quoted;

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
    /// What is too much: `[limits]`.
    pub(crate) limits: Limits,
    /// Where backups are put that are asked for while it runs: `backup.dir`, by default `backups` in the data directory. A relative path
    /// is taken from the working directory.
    pub(crate) backup_dir: Option<PathBuf>,
    /// The meeting rooms: `[meetingroom]`.
    pub(crate) meetingroom: Meetingroom,
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

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many new commands may wait at one service: `limits.queue`, by default 1024. More are answered with 503.
    pub(crate) queue: usize,
    /// The largest body of a request, in bytes: `limits.body`, by default and at most 65536.
    pub(crate) body: usize,
    /// How long a request may take, in seconds: `limits.request-seconds`, by default 10.
    pub(crate) request_seconds: u32,
}

/// The meeting rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meetingroom {
    /// The time zone of the rooms, by its IANA name in the usual spelling: `meetingroom.zone`, by default Asia/Seoul.
    pub(crate) zone: String,
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

/// The port of a system's first service, where each service has its own.
pub(crate) const FIRST_SERVICE_PORT: u16 = 8081;
/// The port of a system's fifth service; none has more.
pub(crate) const LAST_SERVICE_PORT: u16 = 8085;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8088);
const LARGEST_BODY: u32 = 64 * 1024;
const MINUTES_OF_A_DAY: u32 = 24 * 60;

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
            open_to_network: said.take("open-to-network", value::boolean).into_value().unwrap_or(false),
            clock: said.take("clock", value::instant).into_value(),
            samples: said.take("samples", value::boolean).into_value().unwrap_or(false),
            service_ports: service_ports.value().copied().unwrap_or(false),
            faults: said.take("faults", value::boolean).into_value().unwrap_or(false),
            log: Log {
                level: said.take("log.level", value::levels).into_value().unwrap_or(Targets::new().with_default(LevelFilter::INFO)),
                format: said.take("log.format", value::log_format).into_value().unwrap_or(LogFormat::Text),
            },
            limits: Limits {
                queue: said.take("limits.queue", value::whole(1, 100_000)).into_value().unwrap_or(1024) as usize,
                body: said.take("limits.body", value::whole(1, LARGEST_BODY)).into_value().unwrap_or(LARGEST_BODY) as usize,
                request_seconds: said.take("limits.request-seconds", value::whole(1, 300)).into_value().unwrap_or(10),
            },
            backup_dir: said.take("backup.dir", value::path).into_value(),
            meetingroom: Meetingroom {
                zone: said.take("meetingroom.zone", value::zone).into_value().unwrap_or_else(|| "Asia/Seoul".into()),
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

    /// Reads who may do what, and whether that is open.
    fn read_auth(said: &mut Sources<'_>) -> (Auth, bool) {
        let short = said.take("auth", value::mode);
        let long = said.take("auth.mode", value::mode);
        let issuer = said.take("auth.issuer", value::name).into_value();
        let audience = said.take("auth.audience", value::name).into_value();
        let jwks = said.take("auth.jwks", value::location).into_value();
        let mode = if short.value().is_some() { short } else { long };
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

    /// What is wrong with the file of keys, if that is where they are.
    pub(crate) fn trouble_with_keys(&self) -> Option<String> {
        let Auth::Required(Tokens { jwks: Location::File(path), .. }) = &self.auth else { return None };
        let trouble = match std::fs::read(path).map(|text| KeySet::parse(&text)) {
            Err(error) => format!("cannot be read: {error}"),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(keys)) if keys.is_empty() => "has no public key for RS256, ES256 or EdDSA".into(),
            Ok(Ok(_)) => return None,
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
