//! `log query`: the log in SQL.
//!
//! The index is derived from the log and brought up to date before every
//! question; losing it loses nothing. Table `entries`: `idx`, `at` (RFC 3339),
//! `at_ns`, `kind`, `bot`, `account`, `endpoint`, `class`, `outcome`,
//! `symbol`, `json` (the whole entry, for `json_extract`).

use std::fmt::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};

use super::show;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::settings::Settings;

/// Version of the index: another one is built anew.
const VERSION: i64 = 1;
/// Entries indexed in one transaction.
const BATCH: u64 = 10_000;
/// Most rows in an answer.
const ROWS: usize = 100_000;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS entries (
    idx INTEGER PRIMARY KEY, at TEXT, at_ns INTEGER, kind TEXT, bot TEXT, account TEXT,
    endpoint TEXT, class TEXT, outcome TEXT, symbol TEXT, json TEXT NOT NULL) STRICT";

/// Arguments of `log query`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// One SELECT statement, for example: SELECT bot, outcome, count(*) FROM entries GROUP BY 1, 2
    sql: String,
    /// Most rows
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

/// Asks; `{"columns": [...], "rows": [[...]], "truncated": false}`.
pub(super) fn run(
    context: &Context,
    settings: &Settings,
    arguments: &Arguments,
) -> Result<Answer, Failure> {
    let reader = super::open(settings)?;
    let path = settings.data("index").join("log.sqlite");
    bring_up_to_date(&path, &reader)?;
    let answer = ask(&path, &arguments.sql, arguments.limit.min(ROWS))?;
    let text = if context.output.is_json() { String::new() } else { answer.text() };
    let json = json!({
        "columns": answer.columns,
        "rows": answer.rows,
        "truncated": answer.truncated,
    });
    Ok(Answer::yes(json, text))
}

struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    truncated: bool,
}

impl Table {
    fn text(&self) -> String {
        let mut text = self.columns.join("\t");
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned))
                .collect();
            let _ = write!(text, "\n{}", cells.join("\t"));
        }
        if self.truncated {
            let _ = write!(text, "\n(more rows; raise --limit)");
        }
        text
    }
}

/// Adds what the log has and the index has not.
fn bring_up_to_date(path: &Path, reader: &audit::Reader) -> Result<(), Failure> {
    let failed = |error: rusqlite::Error| {
        Failure::negative(format!("cannot update the index `{}`: {error}", path.display()))
            .next("remove the file: it is built anew from the log")
    };
    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| Failure::file("create", directory, error))?;
    }
    let mut index = Connection::open(path).map_err(failed)?;
    let version: i64 =
        index.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if version != VERSION {
        index.execute("DROP TABLE IF EXISTS entries", []).map_err(failed)?;
        index.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    }
    index.execute(TABLE, []).map_err(failed)?;
    let next: i64 = index
        .query_row("SELECT coalesce(max(idx) + 1, 0) FROM entries", [], |row| row.get(0))
        .map_err(failed)?;
    let mut entries =
        reader.entries(u64::try_from(next).unwrap_or_default()).map_err(Failure::negative)?;
    loop {
        let batch = index.transaction().map_err(failed)?;
        let mut count = 0;
        {
            let mut insert = batch
                .prepare_cached("INSERT INTO entries VALUES (?,?,?,?,?,?,?,?,?,?,?)")
                .map_err(failed)?;
            for entry in entries.by_ref().take(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
                let entry = entry.map_err(Failure::negative)?;
                let text = String::from_utf8_lossy(&entry.bytes);
                let object = show::object(&entry.bytes);
                let field = |name: &str| object.get(name).and_then(Value::as_str);
                let at_ns = object.get("at_ns").and_then(Value::as_i64);
                let at = at_ns
                    .and_then(|at| jiff::Timestamp::from_nanosecond(i128::from(at)).ok())
                    .map(|at| at.to_string());
                insert
                    .execute(params![
                        i64::try_from(entry.index).unwrap_or(i64::MAX),
                        at,
                        at_ns,
                        field("kind"),
                        field("bot"),
                        field("account"),
                        field("endpoint"),
                        field("class"),
                        field("outcome"),
                        symbol(object.get("intent").unwrap_or(&Value::Null)),
                        text,
                    ])
                    .map_err(failed)?;
                count += 1;
            }
        }
        batch.commit().map_err(failed)?;
        if count < BATCH {
            return Ok(());
        }
        warn(&format!("indexed {count} more entries ..."));
    }
}

/// The first market that an intent names.
fn symbol(intent: &Value) -> Option<String> {
    match intent {
        Value::Object(members) => members
            .get("symbol")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| members.values().find_map(symbol)),
        Value::Array(items) => items.iter().find_map(symbol),
        _ => None,
    }
}

/// Runs one statement that reads, on a connection that cannot write.
fn ask(path: &PathBuf, sql: &str, limit: usize) -> Result<Table, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|index| {
        index.pragma_update(None, "query_only", true)?;
        index.authorizer(Some(may_read))?;
        Ok(index)
    });
    let index = opened.map_err(|error| Failure::file("open", path, error))?;
    let wrong = |error: rusqlite::Error| {
        Failure::misuse(format!("the query does not run: {error}")).next(
            "ask one SELECT over `entries`: idx, at, at_ns, kind, bot, account, endpoint, class, \
             outcome, symbol, json",
        )
    };
    let mut statement = index.prepare(sql).map_err(wrong)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.query([]).map_err(wrong)?;
    let mut rows = Vec::new();
    let mut truncated = false;
    while let Some(row) = found.next().map_err(wrong)? {
        if rows.len() == limit {
            truncated = true;
            break;
        }
        let cells = (0..columns.len()).map(|at| row.get_ref(at).map(cell));
        rows.push(cells.collect::<Result<Vec<_>, _>>().map_err(wrong)?);
    }
    Ok(Table { columns, rows, truncated })
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!(hex::encode(bytes)),
    }
}

/// Reading, and functions that only compute; nothing else.
fn may_read(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name != "load_extension" => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.sqlite");
        let index = Connection::open(&path).unwrap();
        index.execute(TABLE, []).unwrap();
        index.execute("INSERT INTO entries (idx, bot, json) VALUES (0, 'mm-1', '{}')", []).unwrap();
        (directory, path)
    }

    #[test]
    fn a_select_is_answered() {
        let (_directory, path) = index();
        let table = ask(&path, "SELECT idx, bot FROM entries", 10).unwrap();
        assert_eq!(table.rows, vec![vec![json!(0), json!("mm-1")]]);
        let table = ask(
            &path,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
            5,
        );
        assert!(table.unwrap().truncated);
    }

    #[test]
    fn nothing_else_is() {
        let (directory, path) = index();
        let other = directory.path().join("other");
        for sql in [
            "DELETE FROM entries",
            "DROP TABLE entries",
            "PRAGMA query_only = 0",
            "PRAGMA writable_schema = 1",
            &format!("ATTACH '{}' AS x", other.display()),
            "CREATE TEMP TABLE x (y)",
            "INSERT INTO entries (idx, json) VALUES (9, '')",
            "SELECT load_extension('x')",
            "VACUUM INTO '/tmp/x'",
            "SELECT 1; DELETE FROM entries",
            "",
        ] {
            assert!(ask(&path, sql, 10).is_err(), "{sql}");
        }
        assert!(!other.exists());
    }
}
