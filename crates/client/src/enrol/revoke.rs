//! A device ended for good, by password or recovery code (docs/spec/ledger.md §4.1).

use super::appending::{Step, open_sentence};
use super::conversation::Conversation;
use super::login::{Admitted, admit};
use super::proof::Proof;
use super::renewing::Whose;
use super::sweeping::swept_steps;
use crate::command::Failure;
use subrosa_proto::DeviceId;

/// Revokes a device of the account. The server cuts its connection at once; the account's devices
/// carry the revocation into every conversation.
///
/// # Errors
/// [`Failure`]
pub async fn revoke_device(
    whose: Whose<'_>,
    proof: &Proof,
    device: DeviceId,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failure> {
    swept_steps(async move {
        progress("connecting to the server");
        let mut conversation = Conversation::open(whose.address).await?;
        progress("checking the password");
        let Admitted { account, vault } = admit(&mut conversation, whose, proof).await?;
        match account.device(&device) {
            None => {
                return Err(Failure::user(format!(
                    "{} has no such device: `subrosa devices` lists them",
                    whose.name
                )));
            }
            Some(known) if !known.live() => return Ok(()),
            Some(_) => {}
        }
        let step = Step {
            statements: vec![vault.revoke_device(&account, device)],
            bundle: None,
            prekey: None,
        };
        drop(vault);
        progress("revoking the device");
        match step.settle(conversation, whose, [proof, proof]).await {
            Ok(mut conversation) => {
                drop(conversation.link.writer().close().await);
                Ok(())
            }
            Err(undone) if undone.open => {
                Err(open_sentence(&undone.failure, "the device or its end"))
            }
            Err(undone) => Err(undone.failure),
        }
    })
    .await
}
