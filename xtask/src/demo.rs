//! The page on this machine, from nothing to an address.

use crate::server::Server;
use crate::{build, models, place, run, setup};
use anyhow::Result;
use clap::Args;
use std::process::Command;

/// Where and how to serve.
#[derive(Args)]
pub struct Options {
    /// Port on the loopback address; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
    /// Serve dist/ as it is: no set-up, no fetching, no build
    #[arg(long)]
    pub as_is: bool,
}

/// Sets up, fetches, builds, serves until interrupted.
pub fn run(options: &Options) -> Result<()> {
    if !options.as_is {
        setup::run(&setup::Options::default())?;
        models::run(&models::Options::default())?;
        build::run(&build::Options::default())?;
    }
    let server = Server::start(&place::dist(), options.port)?;
    println!("{}", server.address());
    if options.open {
        let opener = run::find(&["xdg-open", "open"]);
        match opener {
            Some(program) => run::check(Command::new(program).arg(server.address()))?,
            None => run::say("no program here opens a browser: open the address by hand"),
        }
    }
    server.wait();
    Ok(())
}
