//! The verbs, one file for each: its arguments, its help and what it does.

pub mod accept;
pub mod address;
pub mod admin;
pub mod agent;
pub mod bench;
pub mod block;
pub mod bot;
pub mod chat;
pub mod completions;
pub mod demo;
pub mod devices;
pub mod doctor;
pub mod evidence;
pub mod export;
pub mod invite;
pub mod join;
pub mod lock;
pub mod login;
pub mod logout;
pub mod manual;
pub mod mute;
pub mod on;
pub mod passwd;
pub mod read;
pub mod receipts;
pub mod recover;
pub mod refuse;
pub mod restored;
pub mod room;
pub mod search;
pub mod send;
pub mod serve;
pub mod server_view;
pub mod settings;
pub mod storage;
pub mod tail;
pub mod timer;
pub mod trust;
pub mod typing;
pub mod up;
pub mod verify;
pub mod why;

use crate::cli::{Cli, Verb};
use crate::exit::Silent;
use crate::log::{self, Form};
use crate::seat::Setting;
use crate::signals::Signals;
use std::future::Future;
use std::time::Duration;
use subrosa_client::{Client, Command, Failure};

/// How long the end of a verb waits for its threads.
const THREADS_END_MAX: Duration = Duration::from_secs(5);

/// Runs what the command line says.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let setting = Setting::new(cli.global)?;
    if !matches!(cli.verb, Verb::Serve(_)) {
        // Talk and log share standard error: only who asks by RUST_LOG sees the log.
        log::start(Form::Text, "off");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        Failure::user(format!(
            "the system gives no threads ({error}): end other programs and try again"
        ))
    })?;
    let result = runtime.block_on(dispatch(cli.verb, setting));
    // Every thread that may be inside SQLCipher has to be gone: what OpenSSL takes down at the end of a
    // process is still in its hands. Reads of a terminal have threads of their own; a name that is being
    // looked up is not waited for any longer than this.
    runtime.shutdown_timeout(THREADS_END_MAX);
    result
}

async fn dispatch(verb: Verb, setting: Setting) -> anyhow::Result<()> {
    match verb {
        Verb::Up(args) => up::run(args, setting).await,
        Verb::Serve(args) => serve::run(args, &setting).await,
        Verb::ServerView(args) => server_view::run(args, &setting).await,
        Verb::Join(args) => join::run(args, setting).await,
        Verb::Login(args) => login::run(args, &setting).await,
        Verb::Invite(args) => invite::run(args, &setting).await,
        Verb::Address(args) => address::run(&args, &setting).await,
        Verb::Admin(args) => admin::run(args, &setting).await,
        Verb::Agent(args) => agent::run(args, &setting).await,
        Verb::Send(args) => send::run(args, &setting).await,
        Verb::Read(args) => read::run(args, &setting).await,
        Verb::Export(args) => export::run(args, &setting).await,
        Verb::Doctor(args) => doctor::run(args, &setting).await,
        Verb::Why(args) => why::run(args, &setting).await,
        Verb::Storage(args) => storage::run(args, &setting).await,
        Verb::Search(args) => search::run(args, &setting).await,
        Verb::Evidence(args) => evidence::run(args, &setting).await,
        Verb::Restored(args) => restored::run(args, &setting).await,
        Verb::On(args) => on::run(args, &setting).await,
        Verb::Tail(args) => tail::run(args, &setting).await,
        Verb::Chat(args) => chat::run(args, &setting).await,
        Verb::Devices(args) => devices::run(args, &setting).await,
        Verb::Passwd(args) => passwd::run(args, &setting).await,
        Verb::Recover(args) => recover::run(args, &setting).await,
        Verb::Lock(args) => lock::lock(args, &setting).await,
        Verb::Unlock(args) => lock::unlock(args, &setting).await,
        Verb::Logout(args) => logout::run(args, &setting).await,
        Verb::Receipts(args) => receipts::run(args, &setting).await,
        Verb::Typing(args) => typing::run(args, &setting).await,
        Verb::Timer(args) => timer::run(args, &setting).await,
        Verb::Bot(args) => bot::run(args, &setting).await,
        Verb::Room(args) => room::run(args, &setting).await,
        Verb::Accept(args) => accept::run(args, &setting).await,
        Verb::Refuse(args) => refuse::run(args, &setting).await,
        Verb::Verify(args) => verify::run(args, &setting).await,
        Verb::Trust(args) => trust::run(args, &setting).await,
        Verb::Block(args) => block::block(args, &setting).await,
        Verb::Unblock(args) => block::unblock(args, &setting).await,
        Verb::Mute(args) => mute::mute(args, &setting).await,
        Verb::Unmute(args) => mute::unmute(args, &setting).await,
        Verb::Settings(args) => settings::run(args, &setting).await,
        Verb::Bench(args) => bench::run(args, &setting).await,
        Verb::Demo(args) => demo::run(args, &setting).await,
        Verb::Completions(args) => completions::run(&args, &setting),
        Verb::Manual(args) => manual::run(&args, &setting),
    }
}

/// Runs one exchange with the client; a signal ends it in good order.
async fn with_client<T>(
    setting: &Setting,
    face: &str,
    work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut signals = Signals::watch()?;
    let client = signals.during(setting.sit(face)).await?;
    let done = signals.during(work(&client)).await;
    orderly(client.close(), &mut signals).await;
    done
}

/// Waits until what the server has is here, if it is in reach.
async fn freshened(client: &Client, conversation: &str) -> Result<(), Failure> {
    fresh(client, Some(conversation.to_owned())).await
}

/// The same, whatever it is about.
async fn catch_up(client: &Client) -> Result<(), Failure> {
    fresh(client, None).await
}

async fn fresh(client: &Client, conversation: Option<String>) -> Result<(), Failure> {
    let read = Command::Read {
        conversation,
        before: None,
        since: None,
        limit: 1,
        fresh: true,
    };
    client.call(read).await.map(drop)
}

/// Ends something in good order, unless a further signal says that there is no time.
pub async fn orderly(ending: impl Future<Output = ()>, signals: &mut Signals) -> Option<Silent> {
    tokio::select! {
        () = ending => None,
        signal = signals.next() => Some(signal),
    }
}
