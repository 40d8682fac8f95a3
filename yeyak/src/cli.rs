//! The command line. Every flag has a variable of the environment that says the same, but those that `token` and `events` alone
//! have.

mod operator;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Data, Environment, Problem, Settings, nearest, quoted, variable};
use crate::error::{Fatal, one_line};

pub(crate) use operator::{Backup, DEFAULT_URL, Fault, Parked, Payments, Projections, Restore, Server, Services, Verify};

/// Reservations of anything: rooms, tables, hair, books, courses, bids.
#[derive(Debug, Parser)]
#[command(name = "yeyak", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What is to be done.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything, some systems, or single services
    Serve(Serve),
    /// Run with sample data, to try it out
    Demo(Demo),
    /// Say what is wrong in a configuration file, in the flags and in the environment
    CheckConfig(CheckConfig),
    /// Make a token for trying out --auth required, from a key of your own
    Token(Token),
    /// Tell what became of a request: all that happened because of it, in order
    Events(Events),
    /// Events that a service could not handle, and what waits behind them
    #[command(subcommand, arg_required_else_help = false)]
    Parked(Parked),
    /// Projections: how far they are, and building them anew
    #[command(subcommand, arg_required_else_help = false)]
    Projections(Projections),
    /// The services that run, and what is in their way
    Services(Services),
    /// Make something wrong on purpose, to see what follows
    #[command(subcommand, arg_required_else_help = false)]
    Fault(Fault),
    /// Fold everything again and compare: 0 all is sound, 1 something differs, 2 it could not be done
    ///
    /// Compared are aggregates, snapshots, rows, counters, views, wake-ups, what was published, and how far consumers are. What no event
    /// tells is not seen to be wrong: who did something and in which story, what is kept under a client's key but for the row that it shows, an
    /// event that is a possible one and was changed by hand with all that came of it, or a whole aggregate that is gone with its events.
    Verify(Verify),
    /// Payments: whether the provider's book and ours agree
    #[command(subcommand, arg_required_else_help = false)]
    Payments(Payments),
    /// Make a consistent copy of all data, while it is in use or not
    Backup(Backup),
    /// Put a backup in the place of an installation's data
    ///
    /// It is made ready in that directory and verified before anything is moved, so there has to be room for both. Whatever fails before
    /// leaves what is there untouched; when it is killed, either the old or the new one is served, and the same command goes on.
    Restore(Restore),
    /// Print what a shell completes this command line by
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages to a directory
    Man {
        /// Which one
        directory: PathBuf,
    },
    /// Print the schemas of all events
    #[command(hide = true)]
    Schemas,
    /// Print the contract of everything there is: OpenAPI and AsyncAPI
    #[command(hide = true)]
    Contract,
    /// Print this: a help or the version.
    #[command(skip)]
    Print(String),
}

/// `yeyak serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// What to run: all, a SYSTEM, or a SYSTEM/SERVICE; all if nothing is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

/// `yeyak demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave out the sample rows that the first steps make themselves
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    empty: Option<String>,
    /// Start a fresh store at this instant: RFC 3339 with an offset
    #[arg(long, value_name = "INSTANT")]
    clock: Option<String>,
    /// Where to keep the data [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Offer the fault switch
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    faults: Option<String>,
    /// Where to listen: HOST:PORT or :PORT [default: 127.0.0.1:8088]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// `yeyak check-config`
#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    /// The configuration file [default: that of --config]
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// `yeyak token`
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The private key: Ed25519, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Make that key first; it must not be there yet
    #[arg(long)]
    pub(crate) new_key: bool,
    /// Print the key's public half instead, as a JWKS
    #[arg(long, conflicts_with_all = ["subject", "role", "minutes"])]
    pub(crate) jwks: bool,
    /// Whose token it is: a person's id
    #[arg(long, value_name = "ID", required_unless_present = "jwks")]
    pub(crate) subject: Option<String>,
    /// What they may do beyond what everyone may: administrator or operator; can be given twice
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Vec<String>,
    /// How long it is good
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=527_040))]
    pub(crate) minutes: u32,
    /// As auth.issuer [env: YEYAK_AUTH_ISSUER] [default: yeyak]
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<String>,
    /// As auth.audience [env: YEYAK_AUTH_AUDIENCE] [default: yeyak]
    #[arg(long, value_name = "NAME")]
    pub(crate) audience: Option<String>,
    /// From when on it is good, for an installation whose clock was moved: RFC 3339 with an offset [env: YEYAK_CLOCK] [default: now]
    #[arg(long, value_name = "INSTANT")]
    pub(crate) clock: Option<String>,
}

/// `yeyak events`
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Whose story: the id that histories show as `correlation`
    #[arg(long, value_name = "ID")]
    pub(crate) correlation: String,
    #[command(flatten)]
    pub(crate) server: Server,
    /// Read this data directory instead, which no process serves now
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// In which time zone times are shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Seoul")]
    pub(crate) zone: String,
}

/// What `serve` can be told, and `check-config` checks.
#[derive(Debug, Default, Args)]
struct Flags {
    /// Where to keep the data [default: ./yeyak-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where to listen: HOST:PORT or :PORT [default: 127.0.0.1:8088]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// A configuration file (TOML); flags and the environment go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Who may do what: open, whoever a request names, on this machine alone; required, whoever has a token [default: open]
    #[arg(long, value_name = "AUTH")]
    auth: Option<String>,
    /// The origins whose pages may ask: *, or some with commas between [default: * with open, none with required]
    #[arg(long, value_name = "ORIGINS")]
    cors: Option<String>,
    /// Let auth=open listen to other machines, so that everybody who can reach it may do everything
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    open_to_network: Option<String>,
    /// Start a fresh store at this instant: RFC 3339 with an offset
    #[arg(long, value_name = "INSTANT")]
    clock: Option<String>,
    /// Load sample data
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    samples: Option<String>,
    /// Give each service a port of its own as well, 8081 to 8085
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    service_ports: Option<String>,
    /// Offer the fault switch
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    faults: Option<String>,
    /// What is logged: off, error, warn, info, debug or trace, also for parts: info,yeyak_store=debug [default: info]
    #[arg(long, value_name = "LEVELS")]
    log_level: Option<String>,
    /// How it is logged: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Send traces to the OpenTelemetry collector at this address [default: none]
    #[arg(long, value_name = "URL")]
    telemetry_otlp: Option<String>,
}

/// A system that can be served.
#[derive(Clone, Debug)]
pub(crate) struct KnownSystem {
    /// Its name.
    pub(crate) name: &'static str,
    /// The names of its services, in the order of their ports.
    pub(crate) services: Vec<&'static str>,
}

/// What is to be served of one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// The system's name.
    pub(crate) system: &'static str,
    /// The services' names, in their order; at least one.
    pub(crate) services: Vec<&'static str>,
}

/// The outcome of `check-config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// What to print to stdout: a line for each problem, or one that says that there is none.
    pub(crate) text: String,
    /// Whether there is no problem.
    pub(crate) ok: bool,
}

impl Cli {
    /// Reads the command line; the first of `arguments` is the program's name. What asks for help is [`Command::Print`].
    ///
    /// # Errors
    /// [`Fatal::Usage`] in one line.
    pub(crate) fn read(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, Fatal> {
        let read = command().try_get_matches_from(arguments).and_then(|matches| Self::from_arg_matches(&matches));
        read.or_else(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Self { command: Command::Print(error.to_string()) }),
            _ => Err(Fatal::Usage(in_one_line(&error))),
        })
    }
}

/// The command line, each flag with its variable.
pub(crate) fn command() -> clap::Command {
    let explained = |argument: clap::Arg| {
        let Some(name) = argument.get_long().map(str::to_owned).or_else(|| (argument.get_id() == "targets").then(|| "target".into()))
        else {
            return argument;
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        argument.help(format!("{help} [env: {}]", variable(&name)))
    };
    let commands = ["serve", "demo", "check-config"];
    commands.into_iter().fold(Cli::command(), |all, name| all.mut_subcommand(name, |one| one.mut_args(explained)))
}

/// What clap says in several paragraphs.
fn in_one_line(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing, such as serve or demo; `yeyak --help` tells more".into();
    }
    let text = error.to_string();
    let mut said = Vec::new();
    for paragraph in text.split("\n\n") {
        let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(what) = paragraph.strip_prefix("error: ").or_else(|| paragraph.strip_prefix("tip: ")) {
            said.push(what.to_owned());
        }
    }
    said.push("`yeyak --help` tells more".into());
    said.join("; ")
}

impl Serve {
    /// What is to be served, of the systems there are; everything, if nothing is named. In the order of `known`, each once.
    ///
    /// # Errors
    /// [`Fatal::Usage`] for a target that is not among them.
    pub(crate) fn selection(&self, known: &[KnownSystem], environment: &Environment) -> Result<Vec<Selected>, Fatal> {
        let variable = variable("target");
        let from_environment = environment.get(&variable).map(|all| all.to_string_lossy().into_owned()).unwrap_or_default();
        let targets: Vec<(&str, &str)> = if self.targets.is_empty() {
            let all = from_environment.split([',', ' ']).filter(|target| !target.is_empty());
            all.map(|target| (variable.as_str(), target)).collect()
        } else {
            self.targets.iter().map(|target| ("TARGET", target.as_str())).collect()
        };

        let every: Vec<(&'static str, &'static str)> =
            known.iter().flat_map(|system| system.services.iter().map(|service| (system.name, *service))).collect();
        let mut wanted = vec![targets.is_empty(); every.len()];
        for (place, target) in targets {
            let (system, service) = target.split_once('/').map_or((target, None), |(system, service)| (system, Some(service)));
            let mut found = false;
            for ((one_system, one_service), wanted) in every.iter().zip(&mut wanted) {
                let meant = target == "all" || (*one_system == system && service.is_none_or(|service| *one_service == service));
                *wanted |= meant;
                found |= meant;
            }
            if !found {
                return Err(Fatal::Usage(format!("{place}: {}", unknown(target, known))));
            }
        }

        let mut selection: Vec<Selected> = Vec::new();
        for ((system, service), _) in every.into_iter().zip(wanted).filter(|(_, wanted)| *wanted) {
            match selection.last_mut().filter(|last| last.system == system) {
                Some(last) => last.services.push(service),
                None => selection.push(Selected { system, services: vec![service] }),
            }
        }
        Ok(selection)
    }

    /// What was said by flags, the environment and the file.
    ///
    /// # Errors
    /// [`Fatal::Settings`] with all that is wrong, and [`Fatal::Usage`] when several systems want the same ports.
    pub(crate) fn settings(&self, selection: &[Selected], environment: &Environment) -> Result<Settings, Fatal> {
        let settings = self.flags.settings(self.flags.file(environment).as_deref(), environment)?;
        if settings.service_ports && selection.len() > 1 {
            let systems: Vec<&str> = selection.iter().map(|selected| selected.system).collect();
            return Err(Fatal::Usage(format!(
                "service-ports: {} would want the same ports: serve one of them alone, or leave out service-ports",
                systems.join(", ")
            )));
        }
        Ok(settings)
    }
}

/// What to say of a target that is not there.
fn unknown(target: &str, known: &[KnownSystem]) -> String {
    let of_system = known.iter().find(|system| target.split_once('/').is_some_and(|(name, _)| name == system.name));
    if let Some(system) = of_system {
        return format!("{} is no service: those of {} are {}", quoted(target), system.name, system.services.join(", "));
    }
    let names: Vec<&str> = known.iter().map(|system| system.name).collect();
    let services = known.iter().flat_map(|system| system.services.iter().map(|service| (*service, format!("{}/{service}", system.name))));
    let services: Vec<(&str, String)> = services.collect();
    let meant = services.iter().find(|(service, _)| *service == target).map(|(_, whole)| whole.as_str());
    match meant.or_else(|| nearest(target, names.iter().copied().chain(services.iter().map(|(_, whole)| whole.as_str())))) {
        Some(meant) => format!("{} is no system: did you mean {meant}? There are {}, and all", quoted(target), names.join(", ")),
        None => format!("{} is no system: there are {}, and all", quoted(target), names.join(", ")),
    }
}

impl Demo {
    /// Whether the sample rows that the first steps make themselves are left out, and the other settings.
    ///
    /// # Errors
    /// [`Fatal::Settings`] with all that is wrong.
    pub(crate) fn settings(&self, environment: &Environment) -> Result<(bool, Settings), Fatal> {
        let flags = said([("clock", &self.clock), ("data", &self.data), ("faults", &self.faults), ("listen", &self.listen)]);
        let empty = Settings::read_switch("empty", self.empty.as_deref(), environment);
        let settings = Settings::read(&flags, environment, None, Data::Temporary);
        match (empty, settings) {
            (Ok(empty), Ok(settings)) => Ok((empty, Settings { samples: true, ..settings })),
            (empty, settings) => {
                Err(Fatal::Settings(empty.err().into_iter().flatten().chain(settings.err().into_iter().flatten()).collect()))
            }
        }
    }
}

impl CheckConfig {
    /// Looks for all that is wrong.
    pub(crate) fn check(&self, environment: &Environment) -> Checked {
        let file = self.file.clone().or_else(|| self.flags.file(environment));
        let lines = |problems: Vec<Problem>| problems.iter().map(|problem| format!("{}\n", one_line(&problem.to_string()))).collect();
        match (self.flags.settings(file.as_deref(), environment), file) {
            (Err(problems), _) => Checked { text: lines(problems), ok: false },
            (Ok(settings), _) if settings.trouble_with_files().is_some() => {
                let trouble = settings.trouble_with_files().unwrap_or_default();
                Checked { text: format!("{}\n", one_line(&trouble)), ok: false }
            }
            (Ok(_), Some(file)) => Checked { text: format!("{}: ok\n", one_line(&file.display().to_string())), ok: true },
            (Ok(_), None) => Checked { text: "no configuration file was named; the flags and the environment: ok\n".into(), ok: true },
        }
    }
}

impl Flags {
    fn file(&self, environment: &Environment) -> Option<PathBuf> {
        self.config.clone().or_else(|| environment.get(&variable("config")).map(PathBuf::from))
    }

    fn settings(&self, file: Option<&Path>, environment: &Environment) -> Result<Settings, Vec<Problem>> {
        let flags = said([
            ("data", &self.data),
            ("listen", &self.listen),
            ("auth", &self.auth),
            ("cors", &self.cors),
            ("open-to-network", &self.open_to_network),
            ("clock", &self.clock),
            ("samples", &self.samples),
            ("service-ports", &self.service_ports),
            ("faults", &self.faults),
            ("log-level", &self.log_level),
            ("log-format", &self.log_format),
            ("telemetry-otlp", &self.telemetry_otlp),
        ]);
        Settings::read(&flags, environment, file, Data::Directory("yeyak-data".into()))
    }
}

/// The flags that were given.
fn said<'a, const N: usize>(flags: [(&'static str, &'a Option<String>); N]) -> Vec<(&'static str, &'a str)> {
    flags.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::LogFormat;

    fn known() -> Vec<KnownSystem> {
        vec![
            KnownSystem { name: "meetingroom", services: vec!["conference", "reserve", "room", "schedule", "maintenance"] },
            KnownSystem { name: "hairshop", services: vec!["reservation", "payment"] },
        ]
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().copied())
    }

    fn read(line: &str) -> Result<Command, String> {
        Cli::read(line.split(' ')).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn serve(line: &str) -> Serve {
        match read(line).unwrap() {
            Command::Serve(serve) => serve,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn demo(line: &str, variables: &[(&str, &str)]) -> Result<(bool, Settings), String> {
        match read(line).unwrap() {
            Command::Demo(demo) => demo.settings(&environment(variables)).map_err(|error| error.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(line: &str, variables: &[(&str, &str)]) -> Checked {
        match read(line).unwrap() {
            Command::CheckConfig(check) => check.check(&environment(variables)),
            other => panic!("{other:?}"),
        }
    }

    fn selected(line: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let selection = serve(line).selection(&known(), &environment(variables)).map_err(|error| error.to_string())?;
        Ok(selection.iter().map(|one| format!("{}: {}", one.system, one.services.join(" "))).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
        assert!(matches!(read("yeyak schemas"), Ok(Command::Schemas)));
    }

    #[test]
    fn every_flag_has_its_variable() {
        for subcommand in command().get_subcommands().filter(|one| ["serve", "demo", "check-config"].contains(&one.get_name())) {
            for argument in subcommand.get_arguments().filter(|argument| argument.get_id() != "file") {
                let name = argument.get_long().unwrap_or("target");
                let help = argument.get_help().unwrap().to_string();
                assert!(help.ends_with(&format!("[env: {}]", variable(name))), "{help}");
            }
        }
        assert_eq!(variable("service-ports"), "YEYAK_SERVICE_PORTS");
    }

    #[test]
    fn help_and_version_are_printed() {
        let printed = |line: &str| match read(line).unwrap() {
            Command::Print(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(printed("yeyak --help").contains("check-config"));
        assert!(!printed("yeyak --help").contains("schemas"));
        assert!(printed("yeyak serve --help").contains("YEYAK_LISTEN"));
        assert_eq!(printed("yeyak --version"), format!("yeyak {}\n", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn a_wrong_command_line_is_one_line() {
        let says = |line: &str, message: &str| assert_eq!(read(line).unwrap_err(), format!("{message}; `yeyak --help` tells more"));
        says("yeyak", "a command is missing, such as serve or demo");
        says("yeyak parked", "'yeyak parked' requires a subcommand but one was not provided [subcommands: list, show, retry, discard]");
        says("yeyak surve", "unrecognized subcommand 'surve'; a similar subcommand exists: 'serve'");
        says("yeyak serve --fault", "unexpected argument '--fault' found; a similar argument exists: '--faults'");
        says("yeyak serve --listen", "a value is required for '--listen <ADDR>' but none was supplied");
        says("yeyak serve --data a --data b", "the argument '--data <DIR>' cannot be used multiple times");
        says("yeyak demo meetingroom", "unexpected argument 'meetingroom' found");
        says("yeyak check-config a --config b", "the argument '[FILE]' cannot be used with '--config <FILE>'");
    }

    #[test]
    fn targets_are_systems_services_or_all() {
        let all = "meetingroom: conference reserve room schedule maintenance; hairshop: reservation payment";
        let meetingroom = "meetingroom: conference reserve room schedule maintenance";
        assert_eq!(selected("yeyak serve", &[]).unwrap(), all);
        assert_eq!(selected("yeyak serve all", &[]).unwrap(), all);
        assert_eq!(selected("yeyak serve meetingroom", &[]).unwrap(), meetingroom);
        assert_eq!(selected("yeyak serve meetingroom/room meetingroom", &[]).unwrap(), meetingroom);
        assert_eq!(
            selected("yeyak serve hairshop/payment meetingroom/room meetingroom/reserve meetingroom/room", &[]).unwrap(),
            "meetingroom: reserve room; hairshop: payment"
        );
        let variables = [("YEYAK_TARGET", "hairshop, meetingroom/room")];
        assert_eq!(selected("yeyak serve", &variables).unwrap(), "meetingroom: room; hairshop: reservation payment");
        assert_eq!(selected("yeyak serve meetingroom", &variables).unwrap(), meetingroom);
    }

    #[test]
    fn an_unknown_target_is_refused_with_those_there_are() {
        let says = |target: &str, message: &str| {
            assert_eq!(selected(&format!("yeyak serve {target}"), &[]).unwrap_err(), format!("TARGET: {message}"));
        };
        says("cinema", "\"cinema\" is no system: there are meetingroom, hairshop, and all");
        says("meetingrom", "\"meetingrom\" is no system: did you mean meetingroom? There are meetingroom, hairshop, and all");
        says("reserve", "\"reserve\" is no system: did you mean meetingroom/reserve? There are meetingroom, hairshop, and all");
        says(
            "meetingroom/kitchen",
            "\"meetingroom/kitchen\" is no service: those of meetingroom are conference, reserve, room, schedule, maintenance",
        );
        says("meetingroom/", "\"meetingroom/\" is no service: those of meetingroom are conference, reserve, room, schedule, maintenance");
        says("all/room", "\"all/room\" is no system: there are meetingroom, hairshop, and all");
        assert_eq!(
            selected("yeyak serve", &[("YEYAK_TARGET", "cinema")]).unwrap_err(),
            "YEYAK_TARGET: \"cinema\" is no system: there are meetingroom, hairshop, and all"
        );
    }

    #[test]
    fn serve_hears_flags_before_the_environment_before_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("yeyak.toml");
        fs::write(&file, "data = \"from-file\"\nlisten = \":1\"\nsamples = true\nfaults = true\n").unwrap();
        let environment = environment(&[
            ("YEYAK_CONFIG", file.to_str().unwrap()),
            ("YEYAK_LISTEN", ":2"),
            ("YEYAK_DATA", "from-environment"),
            ("YEYAK_SERVICE_PORTS", "1"),
            ("YEYAK_AUTH", ""),
        ]);
        let settings = |line: &str| {
            let serve = serve(line);
            let selection = serve.selection(&known(), &environment).unwrap();
            serve.settings(&selection, &environment).map_err(|error| error.to_string())
        };
        let settings_of = settings("yeyak serve meetingroom --listen :3 --faults=false").unwrap();
        assert_eq!(settings_of.listen, ([127, 0, 0, 1], 3).into());
        assert_eq!(settings_of.data, Data::Directory("from-environment".into()));
        assert_eq!((settings_of.samples, settings_of.service_ports, settings_of.faults), (true, true, false));
        assert!(settings("yeyak serve meetingroom --faults --listen :3").unwrap().faults);
        let logged = settings("yeyak serve meetingroom --listen :3 --log-format json --telemetry-otlp http://c:1").unwrap();
        assert_eq!((logged.log.format, logged.telemetry.otlp.as_deref()), (LogFormat::Json, Some("http://c:1")));
        assert_eq!(
            settings("yeyak serve meetingroom --listen :3 --log-format xml").unwrap_err(),
            "--log-format: \"xml\" is not right here: write \"text\" or \"json\""
        );
        assert_eq!(
            settings("yeyak serve").unwrap_err(),
            "service-ports: meetingroom, hairshop would want the same ports: serve one of them alone, or leave out service-ports"
        );
    }

    #[test]
    fn the_demo_has_samples_and_a_temporary_directory() {
        let (empty, settings) = demo("yeyak demo", &[]).unwrap();
        assert_eq!((empty, settings.samples, settings.data), (false, true, Data::Temporary));
        let line = "yeyak demo --empty --faults --data d --listen localhost:9 --clock 2026-11-23T10:05:00+09:00";
        let (empty, settings) = demo(line, &[]).unwrap();
        assert_eq!((empty, settings.faults, settings.data), (true, true, Data::Directory("d".into())));
        assert_eq!((settings.listen, settings.clock), (([127, 0, 0, 1], 9).into(), "2026-11-23T01:05:00Z".parse().ok()));
        let variables = [("YEYAK_EMPTY", "yes"), ("YEYAK_DATA", "d")];
        let (empty, settings) = demo("yeyak demo", &variables).unwrap();
        assert_eq!((empty, settings.data), (true, Data::Directory("d".into())));
        assert!(!demo("yeyak demo --empty=false", &variables).unwrap().0);
        assert_eq!(
            demo("yeyak demo --clock=noon --empty=x", &[]).unwrap_err(),
            "--empty: \"x\" is not right here: write true or false\n--clock: \"noon\" is not right here: \
             write an instant with its offset from UTC, such as 2026-11-23T10:05:00+09:00"
        );
    }

    #[test]
    fn check_config_names_each_wrong_line_and_all_else_that_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("yeyak.toml");
        let file = file.to_str().unwrap();
        let line = format!("yeyak check-config {file}");

        fs::write(file, "listen = \":8090\"\n").unwrap();
        assert_eq!(check(&line, &[]), Checked { text: format!("{file}: ok\n"), ok: true });
        assert_eq!(check("yeyak check-config", &[("YEYAK_CONFIG", file)]), Checked { text: format!("{file}: ok\n"), ok: true });
        assert_eq!(check(&format!("yeyak check-config --config {file}"), &[]), Checked { text: format!("{file}: ok\n"), ok: true });

        fs::write(file, "lissten = \":8090\"\n\n[limits]\nqueue = 0\n").unwrap();
        let text = format!(
            "{file}:1: lissten: is unknown: did you mean listen?\n\
             {file}:4: limits.queue: 0 is not right here: write a whole number from 1 to 100000\n\
             YEYAK_LOG_FORMAT: \"xml\" is not right here: write \"text\" or \"json\"\n\
             --auth: \"closed\" is not right here: write \"open\" or \"required\"\n"
        );
        let checked = check(&format!("{line} --auth closed"), &[("YEYAK_LOG_FORMAT", "xml")]);
        assert_eq!(checked, Checked { text, ok: false });
    }

    #[test]
    fn check_config_without_a_file_says_so() {
        let text = "no configuration file was named; the flags and the environment: ok\n".to_owned();
        assert_eq!(check("yeyak check-config", &[]), Checked { text, ok: true });
        let missing = "/nowhere/yeyak.toml: cannot be read: No such file or directory (os error 2)\n".to_owned();
        assert_eq!(check("yeyak check-config /nowhere/yeyak.toml", &[]), Checked { text: missing, ok: false });
    }
}
