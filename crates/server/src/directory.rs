//! Who may learn what about whom. Strangers get the genesis of an account, which says its name and
//! identity key. Its chain and prekeys, which say how many devices it has and when they were last
//! there, go to those with whom it shares a conversation that it has accepted.

use crate::office::Office;
use crate::records;
use crate::refused::{Outcome, Refused};
use crate::storage::Store;
use subrosa_proto::{AccountId, ConvId, ErrorCode, HashHead, Name, Response, limits};

impl<S: Store> Office<S> {
    /// The genesis of a name.
    pub(crate) async fn lookup(&self, name: &Name) -> Outcome<Response> {
        let record = self
            .record(records::name(name))
            .await?
            .ok_or(ErrorCode::NotFound)?;
        self.genesis(&records::decode(&record.value)?).await
    }

    /// The genesis of an account.
    pub(crate) async fn genesis(&self, account: &AccountId) -> Outcome<Response> {
        let record = self
            .record(records::statement(account, 0))
            .await?
            .ok_or(ErrorCode::NotFound)?;
        Ok(Response::Account {
            genesis: records::decode(&record.value)?,
        })
    }

    /// Chains and prekeys of those members of a conversation that have accepted it, for a member.
    /// Of those that have not, the genesis.
    pub(crate) async fn people(&self, asking: &AccountId, conv: &ConvId) -> Outcome<Response> {
        self.place(asking, conv)
            .await?
            .filter(|place| place.until.is_none())
            .ok_or(ErrorCode::NotFound)?;
        let members = self.members(conv).await?.ok_or(ErrorCode::NotFound)?;
        let (mut chains, mut prekeys) = (Vec::new(), Vec::new());
        let mut left = limits::MESSAGE_BYTES_MAX / 2;
        for (account, pending) in members {
            let known = self.account(&account).await?;
            let known = known.ok_or(Refused::Damaged("a member has no account"))?;
            let statements = known.account.statements();
            let open = if pending && account != *asking {
                1
            } else {
                statements.len()
            };
            let chain: Vec<_> = statements.iter().take(open).cloned().collect();
            let bytes: usize = chain.iter().map(|signed| signed.body.len() + 80).sum();
            left = left.checked_sub(bytes).ok_or(ErrorCode::TooLarge)?;
            chains.push(chain);
            if open > 1 {
                for published in self.prekeys(&account).await? {
                    left = left
                        .checked_sub(published.signed.body.len() + 80)
                        .ok_or(ErrorCode::TooLarge)?;
                    prekeys.push(published.signed);
                }
            }
        }
        Ok(Response::People { chains, prekeys })
    }

    /// Tells all who share a conversation with an account, and its own devices, that its chain has grown.
    pub(crate) async fn announce_chain(&self, account: &AccountId, head: HashHead) -> Outcome<()> {
        self.delivery.own_chain(account, head);
        let mut after = None;
        loop {
            let page = self
                .store
                .scan(records::places(account), after, 256)
                .await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for conv in page.iter().filter_map(|(key, _)| records::last_id(key)) {
                self.delivery.chain(&ConvId(conv), account, head);
            }
        }
    }
}
