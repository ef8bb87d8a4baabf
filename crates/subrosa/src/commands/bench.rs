//! `bench`: a load of people who do not exist, and what it costs.

mod show;

use crate::seat::Setting;
use crate::signals::Signals;
use show::{Bar, show};
use std::path::PathBuf;
use subrosa_bench::{
    Limits, Place, Report, channel, client, connect, history, idle, messages, reconnect, room,
};
use subrosa_client::Failure;
use subrosa_proto::InviteLine;

const EXAMPLES: &str = "\
Examples:
  subrosa bench messages                        50 pairs write as fast as they may
  subrosa bench messages --rate 200             at a steady pace, for latencies
  subrosa bench messages --limits lifted        without the limits that every server has
  subrosa bench reconnect                       300 devices behind one address come back at once
  subrosa bench --json messages | jq .cases     the figures, for programs";

/// Measure a server with a load of real protocol and encryption
///
/// Starts a server of its own in a temporary folder unless one is given. A figure is shown only when everything that it
/// counts was delivered as it was sent, and opened.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// An invite line of the server to measure; the load leaves its accounts there
    #[arg(long, global = true, value_name = "LINE", value_parser = InviteLine::parse)]
    server: Option<InviteLine>,
    /// The process of that server, if it runs on this machine, for its processor time and memory
    #[arg(long, global = true, value_name = "PID", requires = "server")]
    server_pid: Option<u32>,
    /// Limits of the server that is started
    #[arg(long, global = true, value_enum, default_value_t = LimitsWish::Default, value_name = "LIMITS")]
    limits: LimitsWish,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LimitsWish {
    /// Those that every server has; the load waits where they want it
    Default,
    /// As good as none
    Lifted,
}

#[derive(Debug, clap::Subcommand)]
enum Measure {
    /// Pairs of people, one of whom writes to the other
    Messages(MessagesArgs),
    /// A room: the first message with its keys, and what the next ones cost
    Room(RoomArgs),
    /// Logins by device key and by password, each on a channel of its own
    Connect(ConnectArgs),
    /// Connections on which nothing happens, and the server's memory for each
    Idle(IdleArgs),
    /// The server has gone and comes back, and all devices with it
    Reconnect(ReconnectArgs),
    /// A new device by password, until all of its history is there
    History(HistoryArgs),
    /// What a device does for a message: seal, open, judge; no server takes part
    Client(ClientArgs),
    /// Bulk bytes through one channel, both ends in this process; no server takes part
    Channel(ChannelArgs),
}

#[derive(Debug, clap::Args)]
struct MessagesArgs {
    /// Pairs of people
    #[arg(long, default_value_t = 50, value_name = "N")]
    pairs: usize,
    /// Messages of a pair under way at a time
    #[arg(long, default_value_t = 16, value_name = "N")]
    window: usize,
    /// Bytes of a message
    #[arg(long, default_value_t = 200, value_name = "BYTES")]
    size: usize,
    /// Messages each second over all pairs [default: as many as possible]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How long is written
    #[arg(long, default_value_t = 5, value_name = "N")]
    seconds: u32,
    /// Events that are stored before
    #[arg(long, default_value_t = 0, value_name = "N")]
    stored: usize,
}

#[derive(Debug, clap::Args)]
struct RoomArgs {
    /// Devices in the room; each size is measured in a room of its own
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000], value_name = "N,…")]
    members: Vec<usize>,
    /// How many of them write
    #[arg(long, default_value_t = 1, value_name = "N")]
    senders: usize,
    /// Messages of each writer
    #[arg(long, default_value_t = 150, value_name = "N")]
    messages: u64,
    /// Messages of a writer under way at a time
    #[arg(long, default_value_t = 16, value_name = "N")]
    window: usize,
    /// Bytes of a message
    #[arg(long, default_value_t = 200, value_name = "BYTES")]
    size: usize,
}

#[derive(Debug, clap::Args)]
struct ReconnectArgs {
    /// Devices that come back at once
    #[arg(long, default_value_t = 300, value_name = "N")]
    devices: usize,
    /// Each from an address of its own, instead of all from one
    #[arg(long)]
    many_addresses: bool,
    /// Accounts among whom the devices are divided
    #[arg(long, default_value_t = 100, value_name = "N")]
    accounts: usize,
}

#[derive(Debug, clap::Args)]
struct HistoryArgs {
    /// Messages in the history; each number is measured on an account of its own
    #[arg(long, value_delimiter = ',', default_values_t = [10_000], value_name = "N,…")]
    messages: Vec<usize>,
    /// Bytes of a message
    #[arg(long, default_value_t = 200, value_name = "BYTES")]
    size: usize,
}

#[derive(Debug, clap::Args)]
struct ClientArgs {
    /// Messages
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    messages: usize,
    /// Bytes of a message
    #[arg(long, default_value_t = 200, value_name = "BYTES")]
    size: usize,
}

#[derive(Debug, clap::Args)]
struct ConnectArgs {
    /// Logins by device key
    #[arg(long, default_value_t = 500, value_name = "N")]
    devices: usize,
    /// Logins by password: each costs this machine a good tenth of a second and 64 MiB
    #[arg(long, default_value_t = 25, value_name = "N")]
    passwords: usize,
    /// Logins under way at a time
    #[arg(long, default_value_t = 2, value_name = "N")]
    at_a_time: usize,
}

#[derive(Debug, clap::Args)]
struct IdleArgs {
    /// Connections; several sizes are measured one after another
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 5_000], value_name = "N,…")]
    connections: Vec<usize>,
    /// Devices among whom the connections are divided
    #[arg(long, default_value_t = 100, value_name = "N")]
    devices: usize,
}

#[derive(Debug, clap::Args)]
struct ChannelArgs {
    /// Megabytes to send, of 1,048,576 bytes
    #[arg(long, default_value_t = 2_048, value_name = "N")]
    megabytes: u64,
    /// Bytes of one message
    #[arg(long, default_value_t = 262_144, value_name = "BYTES")]
    message: usize,
    /// Handshakes before it
    #[arg(long, default_value_t = 500, value_name = "N")]
    handshakes: u32,
}

/// Measures and shows.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let place = Place {
        program: program()?,
        limits: match args.limits {
            LimitsWish::Default => Limits::Default,
            LimitsWish::Lifted => Limits::Lifted,
        },
        given: args.server,
        pid: args.server_pid,
    };
    let bar = Bar::new(setting.output);
    let report = match args.measure {
        // These two hold their thread, start no other process, and a signal ends them as it does any.
        Measure::Client(args) => tokio::task::block_in_place(|| client::run(args.into(), &bar)),
        Measure::Channel(args) => tokio::task::block_in_place(|| channel::run(args.into(), &bar)),
        measure => {
            let mut signals = Signals::watch()?;
            let load = async { Ok(loaded(&place, measure, &bar).await) };
            // Cut short, the server that was started ends, and its folder goes.
            signals.during(load).await?
        }
    };
    bar.end();
    show(setting.output, &report?)
}

async fn loaded(place: &Place, measure: Measure, bar: &Bar) -> Result<Report, Failure> {
    match measure {
        Measure::Messages(args) => messages::run(place, args.into(), bar).await,
        Measure::Room(args) => room::run(place, &args.into(), bar).await,
        Measure::Connect(args) => connect::run(place, args.into(), bar).await,
        Measure::Idle(args) => idle::run(place, &args.into(), bar).await,
        Measure::Reconnect(args) => reconnect::run(place, args.into(), bar).await,
        Measure::History(args) => history::run(place, &args.into(), bar).await,
        Measure::Client(args) => client::run(args.into(), bar),
        Measure::Channel(args) => channel::run(args.into(), bar),
    }
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::user(format!(
            "this program's own file cannot be found ({error}): call it by its full path"
        ))
    })
}

impl From<MessagesArgs> for messages::Settings {
    fn from(args: MessagesArgs) -> Self {
        Self {
            pairs: args.pairs,
            window: args.window,
            size: args.size,
            rate: args.rate,
            seconds: args.seconds,
            stored: args.stored,
        }
    }
}

impl From<RoomArgs> for room::Settings {
    fn from(args: RoomArgs) -> Self {
        Self {
            members: args.members,
            senders: args.senders,
            messages: args.messages,
            window: args.window,
            size: args.size,
        }
    }
}

impl From<ConnectArgs> for connect::Settings {
    fn from(args: ConnectArgs) -> Self {
        Self {
            devices: args.devices,
            passwords: args.passwords,
            at_a_time: args.at_a_time,
        }
    }
}

impl From<IdleArgs> for idle::Settings {
    fn from(args: IdleArgs) -> Self {
        Self {
            connections: args.connections,
            devices: args.devices,
        }
    }
}

impl From<ReconnectArgs> for reconnect::Settings {
    fn from(args: ReconnectArgs) -> Self {
        Self {
            devices: args.devices,
            one_address: !args.many_addresses,
            accounts: args.accounts,
        }
    }
}

impl From<HistoryArgs> for history::Settings {
    fn from(args: HistoryArgs) -> Self {
        Self {
            messages: args.messages,
            size: args.size,
        }
    }
}

impl From<ClientArgs> for client::Settings {
    fn from(args: ClientArgs) -> Self {
        Self {
            messages: args.messages,
            size: args.size,
        }
    }
}

impl From<ChannelArgs> for channel::Settings {
    fn from(args: ChannelArgs) -> Self {
        Self {
            megabytes: args.megabytes,
            message: args.message,
            handshakes: args.handshakes,
        }
    }
}
