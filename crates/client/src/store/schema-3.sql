-- Version 3: what is done for each message, messages that disappear by themselves, and times.

-- Who runs something for each message (`subrosa on`): in one conversation or in all, for one's own too or not.
CREATE TABLE consumer (
  no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, conversation INTEGER, own INTEGER NOT NULL
);

-- Where the logs ended when it first came: what stands up to there is not its business, whenever it is read.
CREATE TABLE consumer_start (
  consumer INTEGER NOT NULL, conversation INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (consumer, conversation)
) WITHOUT ROWID;

-- What it has still to do: written with the line, deleted when it is done.
CREATE TABLE errand (consumer INTEGER NOT NULL, cursor INTEGER NOT NULL, PRIMARY KEY (consumer, cursor)) WITHOUT ROWID;

-- The timer step that was asked for one content alone.
ALTER TABLE outbox ADD COLUMN timer INTEGER;

-- Lines by the time at which they came.
CREATE INDEX timeline_time ON timeline (coalesce(arrived_ms, author_ms), conversation);
