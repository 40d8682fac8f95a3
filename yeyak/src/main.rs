//! Yeyak: reservation systems in one binary.
//!
//! `serve` and `demo` run systems, `check-config` checks what they would be told, `token` makes tokens for trying out. What can be served
//! stands in `systems`. The other commands are operators': they ask an installation that runs (`server`), or look at the data of one that
//! does not.

mod backup;
mod cli;
mod config;
mod data_dir;
mod error;
mod events;
mod jobs;
mod log;
mod manifest;
mod manual;
mod operator;
mod reload;
mod restore;
mod serve;
mod server;
mod switch;
mod systems;
mod till;
mod token;
mod verify;

use std::process::ExitCode;

use cli::{Cli, Command};
use config::Environment;
use error::Fatal;
use serve::Plan;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(fatal) => fatal.report(),
    }
}

fn run() -> Result<ExitCode, Fatal> {
    let environment = Environment::of_process();
    match Cli::read(std::env::args_os())?.command {
        Command::Serve(serve) => {
            let selected = serve.selection(&systems::known(), &environment)?;
            let settings = serve.settings(&selected, &environment)?;
            let again = {
                let selected = selected.clone();
                Box::new(move || serve.settings(&selected, &environment))
            };
            serve::run(Plan { samples: settings.samples, selected, settings, again, welcome: false })?;
        }
        Command::Demo(demo) => {
            let (empty, settings) = demo.settings(&environment)?;
            let again = Box::new(move || demo.settings(&environment).map(|(_, settings)| settings));
            serve::run(Plan { samples: !empty, selected: systems::all(), settings, again, welcome: !empty })?;
        }
        Command::CheckConfig(check) => {
            let checked = check.check(&environment);
            error::print(&checked.text)?;
            return Ok(if checked.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Token(token) => error::print(&token::make(&token)?)?,
        Command::Events(asked) => error::print(&events::tell(&asked)?)?,
        Command::Parked(asked) => operator::parked(&asked)?,
        Command::Projections(asked) => operator::projections(&asked)?,
        Command::Services(asked) => operator::services(&asked)?,
        Command::Fault(asked) => operator::fault(&asked)?,
        Command::Verify(asked) => return operator::verify(&asked).map(sound),
        Command::Payments(asked) => return operator::payments(&asked).map(sound),
        Command::Backup(asked) => operator::backup(&asked)?,
        Command::Restore(asked) => return operator::restore(&asked).map(sound),
        Command::Completions { shell } => error::print(&manual::completions(shell)?)?,
        Command::Man { directory } => error::print(&manual::pages(&directory)?)?,
        Command::Contract => error::print(&systems::contracts())?,
        Command::Schemas => error::print(&systems::schemas())?,
        Command::Print(text) => error::print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The code of a command that looks whether all is sound.
fn sound(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
