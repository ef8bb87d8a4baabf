//! A new password for an account (docs/spec/e2e.md §3.4): one step at the server.

use super::Choice;
use super::appending::{Step, open_sentence};
use super::conversation::Conversation;
use super::login::{Admitted, admit};
use super::proof::Proof;
use super::renewing::{Fresh, Handover, Whose};
use super::sweeping::swept_steps;
use crate::command::Failure;
use crate::randomness;
use subrosa_e2e::SecretChange;

/// Changes the password. Proved by the recovery code, which is then used up, it renews that too.
/// New secrets are handed over before they count.
///
/// # Errors
/// [`Failure`] says whether the old ones still count, or that this is not known.
pub async fn change_password(
    whose: Whose<'_>,
    old: &Proof,
    choice: Choice,
    handover: &mut dyn Handover,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failure> {
    swept_steps(async move {
        let fresh = Fresh::choose(&choice, whose.name, old.is_recovery())?;
        progress("connecting to the server");
        let mut conversation = Conversation::open(whose.address).await?;
        progress(if old.is_recovery() {
            "checking the recovery code"
        } else {
            "checking the password"
        });
        let Admitted { account, vault } = admit(&mut conversation, whose, old).await?;
        progress("stretching the new password");
        let slots = fresh
            .register(&mut conversation, whose)
            .await?
            .slots(account.id());
        let change = SecretChange {
            password: slots.password(),
            recovery: slots.code(),
            device: None,
        };
        let rewritten = vault
            .change(&account, change, &mut randomness::system())
            .map_err(|error| Failure::defect(error.to_string()))?;
        drop(vault);
        let step = Step {
            statements: rewritten.statements,
            bundle: Some(rewritten.bundle),
            prekey: None,
        };
        handover.hand_over(&fresh.shown())?;
        progress("changing the password");
        let after = fresh.proof()?;
        match step.settle(conversation, whose, [old, &after]).await {
            Ok(mut conversation) => {
                drop(conversation.link.writer().close().await);
                Ok(())
            }
            Err(undone) if undone.open => Err(open_sentence(
                &undone.failure,
                "the old password or the new one",
            )),
            Err(undone) => {
                handover.withdraw();
                Err(undone.failure)
            }
        }
    })
    .await
}
