//! Yeyak: reservation systems in one binary.
//!
//! `serve` and `demo` run systems, `check-config` checks what they would be told, `token` makes tokens for trying out. What can be served stands in `systems`.

mod cli;
mod config;
mod data_dir;
mod error;
mod log;
mod serve;
mod systems;
mod token;

use std::process::ExitCode;

use cli::{Cli, Command};
use config::Environment;
use error::Fatal;
use serve::Plan;

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
            serve::run(Plan { samples: settings.samples, selected, settings, welcome: false })?;
        }
        Command::Demo(demo) => {
            let (empty, settings) = demo.settings(&environment)?;
            serve::run(Plan { samples: !empty, selected: systems::all(), settings, welcome: !empty })?;
        }
        Command::CheckConfig(check) => {
            let checked = check.check(&environment);
            error::print(&checked.text);
            return Ok(if checked.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Token(token) => error::print(&token::make(&token)?),
        Command::Contract => error::print(&systems::contracts()),
        Command::Schemas => error::print(&systems::schemas()),
        Command::Print(text) => error::print(&text),
    }
    Ok(ExitCode::SUCCESS)
}
