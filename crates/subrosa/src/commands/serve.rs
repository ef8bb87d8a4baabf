//! `serve`: the server alone.

use crate::log::{self, Form};
use crate::seat::Setting;
use crate::signals::Signals;
use crate::{exit, listen};
use std::net::SocketAddr;
use std::path::PathBuf;
use subrosa_client::Failure;
use subrosa_proto::{Address, Host};
use subrosa_server::{Config, Rates, Server, StartError};

const EXAMPLES: &str = "\
Examples:
  subrosa serve --data /srv/subrosa --public chat.example.org
  subrosa serve --listen 127.0.0.1:0
  subrosa admin invite --data /srv/subrosa      the line that the first account joins with";

/// Run a server alone, until interrupted
///
/// Prints its address on standard output and its log on standard error.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// Form of the log
    #[arg(long, value_enum, default_value_t = Form::Text, value_name = "FORM")]
    log_format: Form,
    /// Take as much from everybody as comes, for measurements
    #[arg(long, hide = true)]
    limits_lifted: bool,
}

/// Options of every server.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    /// The server's data folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen, port 0 for a free one; may be repeated [default: all interfaces, port 7673]
    #[arg(long, value_name = "ADDR", value_parser = listen::parse)]
    pub listen: Vec<SocketAddr>,
    /// Under which host, and port, the server is reached from outside; may be repeated
    #[arg(long, value_name = "HOST[:PORT]", value_parser = Host::parse)]
    pub public: Vec<Host>,
}

impl ServerArgs {
    /// The data folder.
    pub fn data(&self, setting: &Setting) -> PathBuf {
        self.data
            .clone()
            .unwrap_or_else(|| setting.folders.server())
    }

    /// Settings of the server.
    pub fn config(&self, setting: &Setting) -> Config {
        let mut config = Config::new(self.data(setting));
        if !self.listen.is_empty() {
            config.listen.clone_from(&self.listen);
        }
        config.public.clone_from(&self.public);
        config
    }

    /// Starts the server. Where a free port is asked for, the one it had before is taken if it is
    /// free, so that what was told to others stays true.
    pub async fn start(&self, setting: &Setting) -> anyhow::Result<Server> {
        start(self.config(setting)).await
    }
}

async fn start(config: Config) -> anyhow::Result<Server> {
    if let [wish] = config.listen.as_slice()
        && wish.port() == 0
        && let Some(port) = former_port(&config).await
    {
        let mut again = config.clone();
        again.listen = vec![SocketAddr::new(wish.ip(), port)];
        match Server::start(again).await {
            Err(StartError::PortInUse { .. } | StartError::CannotListen { .. }) => {}
            done => return Ok(done?),
        }
    }
    Ok(Server::start(config).await?)
}

/// The port of this machine's own hosts in the address, as of the last start.
async fn former_port(config: &Config) -> Option<u16> {
    let address = subrosa_server::admin::address(&config.data).await.ok()?;
    let own = |host: &&Host| {
        !config.public.contains(host) && host.name.parse::<std::net::IpAddr>().is_ok()
    };
    address.hosts.iter().rev().find(own).map(|host| host.port)
}

#[derive(serde::Serialize)]
struct Serving<'a> {
    notice: &'static str,
    address: &'a str,
}

/// Serves.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    log::start(args.log_format, "info");
    let mut config = args.server.config(setting);
    if args.limits_lifted {
        config.limits = Rates::unlimited();
    }
    let server = start(config).await?;
    exit::serving();
    if server.accounts_empty().await? {
        let data = args.server.data(setting);
        setting.output.talk(&format!(
            "nobody has an account yet: `subrosa admin invite --data {}` prints the line for the first",
            data.display()
        ));
    }
    let told = tell(setting, server.address());
    let ended = match told {
        Ok(()) => tokio::select! {
            _ = signals.next() => Ok(()),
            reason = server.failed() => Err(Failure::network(reason).into()),
        },
        error => error,
    };
    super::orderly(server.shutdown(), &mut signals).await;
    ended
}

fn tell(setting: &Setting, address: &Address) -> anyhow::Result<()> {
    let address = address.to_string();
    setting.output.either(
        &Serving {
            notice: "serving",
            address: &address,
        },
        &address,
    )
}
