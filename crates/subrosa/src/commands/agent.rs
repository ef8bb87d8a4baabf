//! `agent`: the account for other programs.

use crate::notify::Notify;
use crate::seat::Setting;
use crate::signals::Signals;
use serde::Serialize;
use std::path::PathBuf;
use subrosa_client::{Client, rpc};

const EXAMPLES: &str = "\
Examples:
  subrosa agent                            stay, and serve programs at the home's socket
  subrosa agent --socket /run/user/1000/s  at a socket of your choice too
  subrosa agent --stdio                    one program, over standard input and output
  subrosa agent --schema                   what programs may ask, as an OpenRPC document
  echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}' | subrosa agent --stdio";

/// Stay connected, and serve other programs
///
/// Programs speak JSON-RPC 2.0, one object a line; no verb but this one has to run for that, since
/// whatever verb runs longest serves the socket. The socket is for this user only. Its path is
/// printed when it is ready. An agent gives way when a newer version of subrosa is used.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Speak over standard input and output, until the input ends
    #[arg(long, conflicts_with = "socket")]
    stdio: bool,
    /// Listen at this path too
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print the description of all methods and end
    #[arg(long, conflicts_with_all = ["stdio", "socket"])]
    schema: bool,
    #[command(flatten)]
    notify: Notify,
}

#[derive(Serialize)]
struct Ready {
    socket: Option<PathBuf>,
}

/// Serves.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    if args.schema {
        let document = serde_json::to_string_pretty(&rpc::document())?;
        return setting.output.line(&document);
    }
    let mut signals = Signals::watch()?;
    let home = setting.home()?;
    let client = signals
        .during(setting.sit_giving_way(home, "agent"))
        .await?;
    let served = tokio::select! {
        served = serve(&args, setting, &client) => served,
        () = args.notify.watch(&client, setting.output) => Ok(()),
        () = client.displaced() => {
            setting.output.talk("a newer version of subrosa takes over: this agent ends");
            Ok(())
        }
        // An interrupt is the ordinary end.
        _ = signals.next() => Ok(()),
    };
    if let Some(socket) = &args.socket
        && served.is_ok()
    {
        drop(std::fs::remove_file(socket));
    }
    super::orderly(client.close(), &mut signals).await;
    served
}

async fn serve(args: &Args, setting: &Setting, client: &Client) -> anyhow::Result<()> {
    if args.stdio {
        client
            .converse(tokio::io::stdin(), tokio::io::stdout())
            .await;
        return Ok(());
    }
    let further = match &args.socket {
        Some(path) => Some(client.listen(path).await?),
        None => None,
    };
    let socket = args.socket.clone().or_else(|| client.socket());
    let line = socket.as_ref().map(|path| path.display().to_string());
    setting
        .output
        .either(&Ready { socket }, &line.unwrap_or_default())?;
    setting.output.talk(
        "serving programs, until interrupted; `subrosa agent --schema` prints what they may ask",
    );
    match further {
        Some(further) => further.await,
        None => std::future::pending::<()>().await,
    }
    Ok(())
}
