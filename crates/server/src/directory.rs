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

    /// Chains and prekeys of those members of a conversation that have accepted it, for a member;
    /// of those that have not, the genesis. In the order of their accounts after one of them, as
    /// many as fit into an answer. A member that is pending itself is given chains alone: with
    /// them it can judge who is there, and it has nothing to seal.
    pub(crate) async fn people(
        &self,
        asking: &AccountId,
        conv: &ConvId,
        after: Option<AccountId>,
    ) -> Outcome<Response> {
        self.place(asking, conv)
            .await?
            .filter(|place| place.until.is_none())
            .ok_or(ErrorCode::NotFound)?;
        let members = self.members(conv).await?.ok_or(ErrorCode::NotFound)?;
        let waits = members
            .iter()
            .any(|(account, pending)| account == asking && *pending);
        let (mut chains, mut prekeys) = (Vec::new(), Vec::new());
        let mut left = limits::PAGE_BYTES_MAX;
        let rest = members
            .into_iter()
            .skip_while(|(account, _)| after.is_some_and(|after| *account <= after));
        for (account, pending) in rest {
            let known = self.account(&account).await?;
            let known = known.ok_or(Refused::Damaged("a member has no account"))?;
            let statements = known.account.statements();
            let hidden = pending && account != *asking;
            let open = if hidden { 1 } else { statements.len() };
            let chain: Vec<_> = statements.iter().take(open).cloned().collect();
            let keys: Vec<_> = if hidden || (waits && account != *asking) {
                Vec::new()
            } else {
                let published = self.prekeys(&account).await?.into_iter();
                published.map(|published| published.signed).collect()
            };
            let size = chain.iter().chain(&keys);
            let size: usize = size.map(|signed| signed.body.len() + 80).sum();
            if size > left && !chains.is_empty() {
                let more = true;
                return Ok(Response::People {
                    chains,
                    prekeys,
                    more,
                });
            }
            left = left.saturating_sub(size);
            chains.push(chain);
            prekeys.extend(keys);
        }
        let more = false;
        Ok(Response::People {
            chains,
            prekeys,
            more,
        })
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
