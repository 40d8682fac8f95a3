//! What operators say: to an installation that runs, or about the data of one that does not.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where an installation runs, if nobody says otherwise.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8088";

/// Where an installation runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    /// Where it runs
    #[arg(long, value_name = "URL", env = "YEYAK_URL", hide_env_values = true, default_value = DEFAULT_URL)]
    pub(crate) url: String,
    /// A bearer token, where --auth is required
    #[arg(long, value_name = "TOKEN", env = "YEYAK_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Print what it answers, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `yeyak parked`
#[derive(Debug, Subcommand)]
pub(crate) enum Parked {
    /// List the lines of parked events: those of one key wait behind the one that failed
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Show the events of a line, each with what was found wrong
    Show {
        /// The line, as `list` names it
        line: String,
        #[command(flatten)]
        server: Server,
    },
    /// Try a line again now, one event after the other until one fails
    Retry {
        /// The line, as `list` names it
        line: String,
        #[command(flatten)]
        server: Server,
    },
    /// Give events up: they are as handled, without any effect
    Discard {
        /// The line, as `list` names it
        line: String,
        /// The number of the line's first event, which alone is discarded
        #[arg(long, value_name = "NUMBER", required_unless_present = "all")]
        event: Option<u64>,
        /// Discard all that wait in the line now
        #[arg(long, conflicts_with = "event")]
        all: bool,
        /// Why; it is written to the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        server: Server,
    },
}

/// `yeyak projections`
#[derive(Debug, Subcommand)]
pub(crate) enum Projections {
    /// List the projections: how far each is, and in what state
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Build a projection anew beside the one that is served, and put it in its place
    Rebuild {
        /// Which one: SYSTEM/SERVICE/NAME, as `list` names it
        projection: String,
        /// Do not wait for its end
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Follow a projection again that has halted, from where it stands
    Retry {
        /// Which one: SYSTEM/SERVICE/NAME, as `list` names it
        projection: String,
        #[command(flatten)]
        server: Server,
    },
}

/// `yeyak services`
#[derive(Debug, Args)]
pub(crate) struct Services {
    #[command(flatten)]
    pub(crate) server: Server,
}

/// `yeyak fault`
#[derive(Debug, Subcommand)]
pub(crate) enum Fault {
    /// List what is wrong on purpose
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Stop a service: it answers nobody and handles nothing
    Down {
        /// Which one: SYSTEM/SERVICE
        service: String,
        #[command(flatten)]
        server: Server,
    },
    /// Let a service wait before each answer
    Delay {
        /// Which one: SYSTEM/SERVICE
        service: String,
        /// How long
        #[arg(value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(1..=600_000))]
        milliseconds: u32,
        #[command(flatten)]
        server: Server,
    },
    /// Let a service refuse whatever it is asked to do
    Refuse {
        /// Which one: SYSTEM/SERVICE
        service: String,
        #[command(flatten)]
        server: Server,
    },
    /// End what is wrong on purpose: of one service, or of all
    Clear {
        /// Which one: SYSTEM/SERVICE [default: all]
        service: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

/// `yeyak verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Verify the data in this directory, of an installation that does not run
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Do not wait for its end
    #[arg(long, conflicts_with = "data")]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// `yeyak payments`
#[derive(Debug, Subcommand)]
pub(crate) enum Payments {
    /// Compare with the provider: 0 both agree, 1 they disagree, 2 it could not be done
    Reconcile {
        /// Only what was paid on this day, in the system's time zone [default: of the last sixty days]
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: Option<jiff::civil::Date>,
        /// Do not wait for its end
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        server: Server,
    },
}

/// `yeyak backup`
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// What to call it [default: the present instant]
    pub(crate) name: Option<String>,
    /// Back up the data in this directory, of an installation that does not run
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// With --data: where to put it [default: `backups` in that directory]
    #[arg(long, value_name = "DIR", requires = "data")]
    pub(crate) to: Option<PathBuf>,
    /// Do not wait for its end
    #[arg(long, conflicts_with = "data")]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// `yeyak restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The directory of the backup
    pub(crate) backup: PathBuf,
    /// Where to put the data: a new or an empty directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Move an installation that is there aside, within that directory
    #[arg(long)]
    pub(crate) replace: bool,
}
