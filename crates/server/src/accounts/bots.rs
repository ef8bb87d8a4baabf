//! Bots: accounts without a password, made by their owner and entered by one line
//! (docs/spec/ledger.md §9.9).

use super::Known;
use super::chain::Changes;
use crate::hash;
use crate::invites::Invite;
use crate::office::Office;
use crate::records::{self, AccountRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{Commit, RecordKey, Revision, Store, StoreError, Write};
use bytes::Bytes;
use subrosa_ledger::Account;
use subrosa_proto::{
    AccountId, ErrorCode, Response, Signed, Statement, StatementOp, encode, limits,
};

/// What an owner hands in for a new bot.
pub(crate) struct NewBot {
    pub(crate) chain: Vec<Signed>,
    pub(crate) code_hash: [u8; 32],
    pub(crate) expires_ms: u64,
    pub(crate) note: Bytes,
}

impl<S: Store> Office<S> {
    /// Whether an account is a bot.
    pub(crate) async fn is_bot(&self, id: &AccountId) -> Outcome<bool> {
        let known = self.account(id).await?;
        Ok(known.is_some_and(|known| known.account.warrant().is_some()))
    }

    /// Makes the account and leaves its line, in one commit. The same again is done again.
    pub(crate) async fn bot_new(&self, owner: &AccountId, new: NewBot) -> Outcome<()> {
        let owner = self.account(owner).await?.ok_or(ErrorCode::NotFound)?;
        if owner.account.warrant().is_some() {
            return Err(ErrorCode::NotPermitted.into());
        }
        let bot = Account::from_chain(&new.chain).map_err(|_| ErrorCode::Malformed)?;
        let signed_for = bot.warrant().map(|warrant| warrant.device);
        let live = owner
            .account
            .devices()
            .any(|device| Some(device.id) == signed_for);
        if new.chain.len() != 2 || !live || !bot.is_bot_of(&owner.account) {
            return Err(ErrorCode::Malformed.into());
        }
        let owner = owner.account.id();
        if let Some(there) = self.account(&bot.id()).await? {
            let same = there.account.statements().starts_with(&new.chain)
                && self.invite(&new.code_hash).await?.is_some();
            return if same {
                Ok(())
            } else {
                Err(ErrorCode::Conflict.into())
            };
        }
        let bots = self
            .store
            .scan(records::bots(&owner), None, limits::BOTS_MAX)
            .await?;
        if bots.len() >= limits::BOTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let row = AccountRow {
            name: bot.name().clone(),
            head: bot.head(),
            since_ms: self.now_ms(),
        };
        let first = |key, value| Write {
            key,
            expected: Revision::ABSENT,
            value: Some(value),
        };
        let room = limits::BOT_NOTE_BYTES_MAX;
        let invite = self.invite_writes(&owner, new.code_hash, new.expires_ms, new.note, room);
        let mut writes = invite.await?.ok_or(ErrorCode::Conflict)?;
        writes.extend([
            first(records::name(bot.name()), encode(&bot.id())),
            first(records::account(&bot.id()), encode(&row)),
            first(records::bot(&owner, &bot.id()), encode(&new.code_hash)),
            first(records::line_of(&new.code_hash), encode(&bot.id())),
        ]);
        let statements = (0..).zip(&new.chain);
        writes.extend(
            statements
                .map(|(seq, signed)| first(records::statement(&bot.id(), seq), encode(signed))),
        );
        let taken = records::name(bot.name());
        let revision = self.commit_bot(writes, Some(&taken)).await?;
        tracing::info!(account = ?bot.id(), owner = ?owner, "bot made");
        let account = bot;
        self.accounts.keep(Known { account, revision });
        Ok(())
    }

    /// Another write of the record `name` means that the name was taken; of any other, that something else came first.
    async fn commit_bot(&self, writes: Vec<Write>, name: Option<&RecordKey>) -> Outcome<Revision> {
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes,
        };
        match self.store.commit(commit).await {
            Ok(committed) => Ok(committed.revision),
            Err(StoreError::Conflict { key }) if Some(&key) == name => {
                Err(ErrorCode::NameTaken.into())
            }
            Err(StoreError::Conflict { .. }) => Err(ErrorCode::Conflict.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The bot of a code, with its invite. Whether that is used up is for the caller to see.
    async fn bot_of(&self, code: &[u8; 32]) -> Outcome<([u8; 32], Invite, AccountId)> {
        let code_hash = hash::sha256(&[code]);
        let bot = self.record(records::line_of(&code_hash)).await?;
        let invite = self.invite(&code_hash).await?;
        let (Some(bot), Some(invite)) = (bot, invite) else {
            return Err(ErrorCode::InviteInvalid.into());
        };
        Ok((code_hash, invite, records::decode(&bot.value)?))
    }

    /// What lies behind a bot's line, as long as nobody has used it.
    pub(crate) async fn bot_start(&self, code: &[u8; 32]) -> Outcome<Response> {
        let (_, invite, bot) = self.bot_of(code).await?;
        let open = invite.row.used_by.is_none() && invite.row.expires_ms > self.now_ms();
        let note = invite.row.note.filter(|_| open);
        let note = note.ok_or(ErrorCode::InviteInvalid)?;
        let chain = self
            .stored_chain(&bot, 0, limits::MESSAGE_BYTES_MAX)
            .await?;
        Ok(Response::BotReply { note, chain })
    }

    /// Certifies the bot's one device and uses its line up.
    pub(crate) async fn bot_finish(
        &self,
        code: &[u8; 32],
        statement: Signed,
        prekey: Signed,
    ) -> Outcome<()> {
        let (code_hash, invite, bot) = self.bot_of(code).await?;
        let known = self.account(&bot).await?;
        let known = known.ok_or(Refused::Damaged("a line names a bot that is not there"))?;
        if known.account.statements().contains(&statement) {
            // The same device again: the first answer was lost.
            return Ok(());
        }
        if invite.row.used_by.is_some() || invite.row.expires_ms <= self.now_ms() {
            return Err(ErrorCode::InviteInvalid.into());
        }
        let mut account = known.account.clone();
        account
            .append(&statement)
            .map_err(|_| ErrorCode::Malformed)?;
        let decoded: Statement =
            subrosa_proto::decode(&statement.body).map_err(|_| ErrorCode::Malformed)?;
        if !matches!(decoded.op, StatementOp::DeviceAdd { .. }) {
            return Err(ErrorCode::Malformed.into());
        }
        let changes = Changes::of(&[decoded]);
        let statements = [statement];
        let mut writes = self
            .chain_writes(&known, &account, &statements, &changes, None, Some(prekey))
            .await?;
        writes.extend(invite.use_up(&code_hash, &bot));
        let revision = match self.commit_bot(writes, None).await {
            Err(Refused::Code(ErrorCode::Conflict)) => Err(ErrorCode::InviteInvalid.into()),
            other => other,
        };
        let head = account.head();
        let revision = revision?;
        tracing::info!(account = ?bot, "a bot's device was certified");
        self.accounts.keep(Known { account, revision });
        self.chain_grew(&bot, &changes, head).await
    }

    /// Ends a bot: its line, its device and its name. Ended again, it is over all the same.
    pub(crate) async fn bot_end(
        &self,
        owner: &AccountId,
        bot: &AccountId,
        statement: Option<Signed>,
    ) -> Outcome<()> {
        let known = self.account(bot).await?.ok_or(ErrorCode::NotFound)?;
        if known.account.warrant().map(|warrant| warrant.owner) != Some(*owner) {
            return Err(ErrorCode::NotFound.into());
        }
        if let Some(statement) = statement {
            let read = subrosa_proto::decode::<Statement>(&statement.body);
            if !read.is_ok_and(|said| matches!(said.op, StatementOp::DeviceRevoke { .. })) {
                return Err(ErrorCode::Malformed.into());
            }
            self.chain_append(bot, vec![statement], None, None).await?;
        } else if known.account.devices().next().is_some() {
            // It has joined in between: the owner has to end its device.
            return Err(ErrorCode::Conflict.into());
        }
        self.forget_bot(owner, bot).await?;
        if self.has_name(bot, known.account.name()).await? {
            self.release(known.account.name()).await?;
        }
        Ok(())
    }

    /// Its line and its place among its owner's bots.
    async fn forget_bot(&self, owner: &AccountId, bot: &AccountId) -> Outcome<()> {
        let Some(listed) = self.record(records::bot(owner, bot)).await? else {
            return Ok(());
        };
        let code_hash: [u8; 32] = records::decode(&listed.value)?;
        let mut keys = vec![
            records::bot(owner, bot),
            records::line_of(&code_hash),
            records::open_invite(owner, &code_hash),
        ];
        let unused = self.invite(&code_hash).await?;
        if unused.is_some_and(|invite| invite.row.used_by.is_none()) {
            keys.push(records::invite(&code_hash));
        }
        let gone = self.removals(keys).await?;
        self.commit_bot(gone, None).await.map(drop)
    }
}
