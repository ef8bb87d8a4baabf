-- Version 2: the index of words (docs/decisions/0022-the-index-of-words.md).

-- Which words stand in which line. It holds no text; what leaves a line leaves it in the same transaction, by the triggers below.
-- A page of the index fits a page of the file, of which SQLCipher takes 80 bytes.
CREATE VIRTUAL TABLE found USING fts5(words, content = '', columnsize = 0, detail = full, prefix = '2 3', tokenize = 'ascii');
INSERT INTO found (found, rank) VALUES ('secure-delete', 1);
INSERT INTO found (found, rank) VALUES ('pgsz', 3960);

-- Lines in the index: `key` is the place by time, `edit` the content whose text was taken in place of the line's own.
CREATE TABLE found_line (key INTEGER PRIMARY KEY, cursor INTEGER NOT NULL, edit BLOB);
CREATE UNIQUE INDEX found_line_cursor ON found_line (cursor);

-- Lines that read otherwise than when they were last looked at.
CREATE TABLE found_due (cursor INTEGER PRIMARY KEY);

-- A line's own text goes, or is read otherwise by a newer build.
CREATE TRIGGER found_line_changes BEFORE UPDATE OF kind, body ON timeline
WHEN NEW.kind = 0 OR EXISTS (SELECT 1 FROM found_line WHERE cursor = OLD.cursor) BEGIN
  INSERT OR IGNORE INTO found_due (cursor) VALUES (OLD.cursor);
  INSERT INTO found (found, rowid, words)
    SELECT 'delete', key, index_words(OLD.conversation, OLD.account, OLD.body) FROM found_line WHERE cursor = OLD.cursor AND edit IS NULL;
  DELETE FROM found_line WHERE cursor = OLD.cursor AND edit IS NULL;
END;
CREATE TRIGGER found_line_goes BEFORE DELETE ON timeline
WHEN EXISTS (SELECT 1 FROM found_line WHERE cursor = OLD.cursor) BEGIN
  INSERT INTO found (found, rowid, words)
    SELECT 'delete', key, index_words(OLD.conversation, OLD.account, coalesce(amendment.body, OLD.body))
    FROM found_line LEFT JOIN amendment
      ON conversation = OLD.conversation AND account = OLD.account AND content = edit
    WHERE found_line.cursor = OLD.cursor;
  DELETE FROM found_line WHERE cursor = OLD.cursor;
END;

-- An edit or a deletion comes, gets its place, or goes: what it is about reads otherwise. A line that was not taken in is
-- due by a deletion alone, since that may go again.
CREATE TRIGGER found_amendment_comes AFTER INSERT ON amendment WHEN NEW.kind != 1 BEGIN
  INSERT OR IGNORE INTO found_due (cursor) SELECT cursor FROM timeline
    WHERE conversation = NEW.conversation AND account = NEW.of_account AND content = NEW.of_content
      AND (NEW.kind = 2 OR EXISTS (SELECT 1 FROM found_line WHERE found_line.cursor = timeline.cursor));
END;
CREATE TRIGGER found_amendment_changes BEFORE UPDATE OF position, body ON amendment WHEN OLD.kind != 1 BEGIN
  INSERT OR IGNORE INTO found_due (cursor) SELECT cursor FROM timeline
    WHERE conversation = OLD.conversation AND account = OLD.of_account AND content = OLD.of_content
      AND (OLD.kind = 2 OR EXISTS (SELECT 1 FROM found_line WHERE found_line.cursor = timeline.cursor));
  INSERT INTO found (found, rowid, words)
    SELECT 'delete', key, index_words(OLD.conversation, OLD.account, OLD.body)
    FROM timeline JOIN found_line ON found_line.cursor = timeline.cursor
    WHERE conversation = OLD.conversation AND account = OLD.of_account AND content = OLD.of_content AND edit = OLD.content;
  DELETE FROM found_line WHERE edit = OLD.content AND cursor IN (SELECT cursor FROM timeline
    WHERE conversation = OLD.conversation AND account = OLD.of_account AND content = OLD.of_content);
END;
CREATE TRIGGER found_amendment_goes BEFORE DELETE ON amendment WHEN OLD.kind != 1 BEGIN
  INSERT OR IGNORE INTO found_due (cursor) SELECT cursor FROM timeline
    WHERE conversation = OLD.conversation AND account = OLD.of_account AND content = OLD.of_content
      AND (OLD.kind = 2 OR EXISTS (SELECT 1 FROM found_line WHERE found_line.cursor = timeline.cursor));
  INSERT INTO found (found, rowid, words)
    SELECT 'delete', key, index_words(OLD.conversation, OLD.account, OLD.body)
    FROM timeline JOIN found_line ON found_line.cursor = timeline.cursor
    WHERE conversation = OLD.conversation AND account = OLD.of_account AND content = OLD.of_content AND edit = OLD.content;
  DELETE FROM found_line WHERE edit = OLD.content AND cursor IN (SELECT cursor FROM timeline
    WHERE conversation = OLD.conversation AND account = OLD.of_account AND content = OLD.of_content);
END;
-- What was said about a line counts by its place in the log.
CREATE TRIGGER found_line_moves AFTER UPDATE OF position ON timeline
WHEN NEW.content IS NOT NULL AND EXISTS (SELECT 1 FROM found_line WHERE cursor = NEW.cursor) AND EXISTS (SELECT 1 FROM amendment
  WHERE conversation = NEW.conversation AND of_account = NEW.account AND of_content = NEW.content AND kind != 1) BEGIN
  INSERT OR IGNORE INTO found_due (cursor) VALUES (NEW.cursor);
END;
