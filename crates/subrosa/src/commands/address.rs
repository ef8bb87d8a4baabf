//! `address`: where the server is.

use super::with_client;
use crate::invitation::outward;
use crate::seat::{Setting, account};
use subrosa_client::{Client, Failure};
use subrosa_proto::Address;

const EXAMPLES: &str = "\
Examples:
  subrosa address                what a further device of yours needs, besides the password";

/// Print the server's address
///
/// It is no secret: it says where the server is and how to recognise it.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {}

#[derive(serde::Serialize)]
struct Told<'a> {
    address: &'a str,
    name: &'a str,
}

/// Prints it.
pub async fn run(_: &Args, setting: &Setting) -> anyhow::Result<()> {
    let account = with_client(setting, "address", async |client: &Client| {
        Ok(account(client).await?)
    })
    .await?;
    let address = Address::parse(&account.address).map_err(|error| {
        Failure::defect(format!(
            "the address kept here does not read ({error}); please report it"
        ))
    })?;
    let address = outward(address).to_string();
    setting.output.either(
        &Told {
            address: &address,
            name: &account.name,
        },
        &address,
    )
}
