-- The local store of one home, version 1. The file is encrypted as a whole by SQLCipher.

-- Single facts: who this home is, where its server is, counters.
CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- What e2e asks to be kept (device keys, prekeys, sessions); opaque here.
CREATE TABLE record (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Accounts that are known, each with its chain as verified, and what is known of the person.
-- `standing` is how it stands to its name, which another account may have here; `changed_ms` when its devices were last seen to change.
-- `branch` is the head of another chain of the same account, once one was seen: nothing is sealed to it any more.
CREATE TABLE account (
  id BLOB PRIMARY KEY, name TEXT NOT NULL, chain BLOB NOT NULL, trust INTEGER NOT NULL DEFAULT 0, branch BLOB,
  standing INTEGER NOT NULL DEFAULT 0, changed_ms INTEGER
) WITHOUT ROWID;

-- What the person was told once and for all.
CREATE TABLE told (what TEXT PRIMARY KEY) WITHOUT ROWID;

-- Chain heads that members quoted and that are not in the chains known here.
CREATE TABLE quote (
  conversation INTEGER NOT NULL, account BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL, author BLOB NOT NULL,
  PRIMARY KEY (conversation, account, seq, hash)
) WITHOUT ROWID;

-- What this account's devices call themselves, where that is not what their certificate says.
CREATE TABLE device_label (device BLOB PRIMARY KEY, label TEXT NOT NULL) WITHOUT ROWID;

-- The newest prekey seen of each device, as signed: an older one is refused as rolled back.
CREATE TABLE prekey (device BLOB PRIMARY KEY, account BLOB NOT NULL, signed BLOB NOT NULL) WITHOUT ROWID;

-- Conversations. `state` is the reducer's state after the last event applied.
CREATE TABLE conversation (
  no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, state BLOB NOT NULL,
  newest_session BLOB
);
CREATE UNIQUE INDEX conversation_name ON conversation (name);

-- Every L_n, and every event hash, so that an event counts once. Never trimmed.
CREATE TABLE log (conversation INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, event BLOB NOT NULL);
CREATE UNIQUE INDEX log_position ON log (conversation, position);
CREATE UNIQUE INDEX log_event ON log (conversation, event);

-- The salt of the message at each place of a session: another salt there betrays a copied device.
CREATE TABLE place (session BLOB NOT NULL, place INTEGER NOT NULL, salt BLOB NOT NULL, PRIMARY KEY (session, place)) WITHOUT ROWID;

-- Events whose key is not here yet, whole, to be opened when it comes. With `owed` the message was for this device,
-- so that it cannot say that it has all up to there.
CREATE TABLE held (
  conversation INTEGER NOT NULL, position INTEGER NOT NULL, session BLOB NOT NULL, time_ms INTEGER NOT NULL,
  owed INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (conversation, position)
) WITHOUT ROWID;

-- Messages of others that came without their bodies as deleted, until a deletion that counts has come. With `doubted` all was
-- here once and there was none, and a line says so.
CREATE TABLE called_deleted (
  conversation INTEGER NOT NULL, position INTEGER NOT NULL, account BLOB NOT NULL, arrived_ms INTEGER NOT NULL,
  doubted INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (conversation, position)
) WITHOUT ROWID;

-- Key events whose box did not come, to be asked for.
CREATE TABLE missing_box (
  conversation INTEGER NOT NULL, position INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, PRIMARY KEY (conversation, position)
) WITHOUT ROWID;

-- The timeline: one row for each content or note, in the order of arrival at this home.
CREATE TABLE timeline (
  cursor INTEGER PRIMARY KEY AUTOINCREMENT, conversation INTEGER NOT NULL, position INTEGER,
  account BLOB NOT NULL, content BLOB, author_ms INTEGER NOT NULL, arrived_ms INTEGER,
  kind INTEGER NOT NULL, body BLOB NOT NULL, state INTEGER, expires_ms INTEGER, checking INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX timeline_content ON timeline (conversation, account, content) WHERE content IS NOT NULL;
CREATE INDEX timeline_conversation ON timeline (conversation, cursor);
-- The order that everybody sees: the server's, with what still waits at the end.
CREATE INDEX timeline_order ON timeline (conversation, coalesce(position, 9223372036854775807), cursor);
CREATE INDEX timeline_undelivered ON timeline (conversation, position) WHERE state IS NOT NULL AND state < 4;
CREATE INDEX timeline_expiring ON timeline (expires_ms) WHERE expires_ms IS NOT NULL AND kind != 4;
-- Contents whose kind the build that stored them did not know.
CREATE INDEX timeline_unknown ON timeline (cursor) WHERE kind = 5;

-- Edits, deletions and reactions, by the content that they are about. Of each author's edits and reactions to one content
-- the newest that is in the log is kept (emptied when it was deleted), and beside it one's own that are not in the log yet.
-- A deletion is kept while what it is about is not here.
CREATE TABLE amendment (
  no INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, of_account BLOB NOT NULL, of_content BLOB NOT NULL,
  kind INTEGER NOT NULL, account BLOB NOT NULL, content BLOB NOT NULL, position INTEGER, author_ms INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX amendment_content ON amendment (conversation, account, content);
CREATE INDEX amendment_of ON amendment (conversation, of_account, of_content);
CREATE INDEX amendment_position ON amendment (conversation, position) WHERE position IS NOT NULL;

-- Of the newest page that is shown ahead of the history: which event has to stand at each position. Its lines
-- have `checking` set, and give way to the checked ones.
CREATE TABLE preview (
  conversation INTEGER NOT NULL, position INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (conversation, position)
) WITHOUT ROWID;
CREATE INDEX timeline_checking ON timeline (arrived_ms) WHERE checking;

-- What waits to be sent, and what a caller was answered, so that its repetition changes nothing.
-- `counter` and `events` are set once the bytes have been made: from then on the same go out. `amends` is the line that
-- an edit, deletion or reaction is about, `deletes` the position that an admin takes away.
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL UNIQUE, conversation INTEGER NOT NULL,
  content BLOB NOT NULL, body BLOB, cursor INTEGER, counter INTEGER, events BLOB, boxes BLOB, attempt_ms INTEGER,
  done_ms INTEGER, amends INTEGER, deletes INTEGER
);
CREATE INDEX outbox_open ON outbox (conversation, seq) WHERE done_ms IS NULL;

-- Invites of this account, to recognise who comes by them.
CREATE TABLE invite (secret BLOB PRIMARY KEY, caller TEXT UNIQUE, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, used_by BLOB, room BLOB) WITHOUT ROWID;

-- Receipt registers as last accepted.
CREATE TABLE register (
  conversation INTEGER NOT NULL, device BLOB NOT NULL, account BLOB NOT NULL,
  at INTEGER NOT NULL, delivered INTEGER NOT NULL, read INTEGER NOT NULL, PRIMARY KEY (conversation, device)
) WITHOUT ROWID;

-- What the account's devices agree on: for each kind of content and each subject the one that counts in the log, and
-- what is wished here and is not in the log yet. Both are contents; with `posted` the wish is in the outbox.
CREATE TABLE setting (
  kind INTEGER NOT NULL, subject BLOB NOT NULL, position INTEGER NOT NULL, value BLOB, wish BLOB, posted INTEGER NOT NULL,
  PRIMARY KEY (kind, subject)
) WITHOUT ROWID;

-- Conversations to be opened, kept until the server has them.
-- A room has a `plan`: what is to be done in it at once, and for which command (`caller`).
CREATE TABLE opening (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, peer BLOB UNIQUE, invite BLOB, counter INTEGER, event BLOB, caller TEXT UNIQUE, plan BLOB
);

-- What is known of a room beside its log: its title with the position it was given at, where it was
-- last joined after that and when, and whether its person has refused it.
CREATE TABLE room (
  conversation INTEGER PRIMARY KEY, title BLOB, titled INTEGER NOT NULL DEFAULT 0, joined INTEGER NOT NULL DEFAULT 0,
  joined_ms INTEGER NOT NULL DEFAULT 0, newcomer BLOB, refused INTEGER NOT NULL DEFAULT 0, unasked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Who was last added by whom, by which device, and where.
CREATE TABLE added (
  conversation INTEGER NOT NULL, account BLOB NOT NULL, position INTEGER NOT NULL, adder BLOB NOT NULL, device BLOB NOT NULL,
  PRIMARY KEY (conversation, account)
) WITHOUT ROWID;

-- Changes of who is in a conversation, wished and not yet in its log; and what a caller was answered.
-- `counter` and `event` are set once the bytes have been made, `placed` is where the server has put them.
CREATE TABLE deed (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL UNIQUE, conversation INTEGER NOT NULL, wish BLOB NOT NULL,
  counter INTEGER, event BLOB, attempt_ms INTEGER, placed INTEGER, done_ms INTEGER
);
CREATE INDEX deed_open ON deed (conversation, seq) WHERE done_ms IS NULL;

-- Events as they came, for 30 days: a server restored from a copy gets back what it lost.
CREATE TABLE raw (conversation INTEGER NOT NULL, position INTEGER NOT NULL, time_ms INTEGER NOT NULL, event BLOB NOT NULL);
CREATE UNIQUE INDEX raw_position ON raw (conversation, position);
CREATE INDEX raw_time ON raw (time_ms);

-- The boxes of own sessions with few recipients, as long, and for the same end.
CREATE TABLE own_boxes (
  session BLOB PRIMARY KEY, conversation INTEGER NOT NULL, position INTEGER, made_ms INTEGER NOT NULL, boxes BLOB NOT NULL
);
CREATE INDEX own_boxes_conversation ON own_boxes (conversation, made_ms);

-- Conversations of which a restored server has another end than this home, and up to where both are the same.
CREATE TABLE divergence (conversation INTEGER PRIMARY KEY, common INTEGER NOT NULL);

-- The reducer's state at some earlier positions: the way back to where both are the same.
CREATE TABLE kept_state (conversation INTEGER NOT NULL, position INTEGER NOT NULL, kept_ms INTEGER NOT NULL, state BLOB NOT NULL);
CREATE UNIQUE INDEX kept_state_position ON kept_state (conversation, position);

-- What proves that this home was shown another story than somebody else.
CREATE TABLE evidence (what TEXT PRIMARY KEY, about TEXT NOT NULL, file BLOB NOT NULL);
