//! The endpoints: method, path, permission, rate, and the function that answers.

mod table;

use serde_json::{Value, json};

use crate::woox::exchange::{Exchange, Named};
use crate::woox::options::ApiKey;
use crate::woox::params::{Page, Params};
use crate::woox::rates::Rate;
use crate::woox::reject::{Answer, Reject};

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Nothing.
    Public,
    /// A signature of a key with this permission.
    Read,
    Trade,
    Withdraw,
}

/// One endpoint. A segment in braces fits any text and is a parameter.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) right: Right,
    pub(crate) rate: Rate,
    pub(crate) run: fn(&mut Call<'_>) -> Answer,
}

/// One request, past admission.
pub(crate) struct Call<'a> {
    pub(crate) exchange: &'a mut Exchange,
    pub(crate) params: Params<'a>,
    /// The account of the key; out of range for a public request.
    pub(crate) account: usize,
    /// The account's keys.
    pub(crate) keys: Vec<ApiKey>,
    /// The segments that stand for braces, in order.
    pub(crate) segments: Vec<String>,
    pub(crate) now: i64,
}

/// The endpoint of a request, with the segments that stand for braces.
pub(crate) fn find(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    table::ROUTES
        .iter()
        .filter(|route| route.method == method)
        .find_map(|route| Some((route, fit(route.path, path)?)))
}

/// Whether any method answers at a path.
pub(crate) fn path_known(path: &str) -> bool {
    table::ROUTES.iter().any(|route| fit(route.path, path).is_some())
}

fn fit(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut segments = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(segments),
            (Some("{}"), Some(text)) if !text.is_empty() => segments.push(text.to_owned()),
            (Some(a), Some(b)) if a == b => {}
            _ => return None,
        }
    }
}

impl Call<'_> {
    /// A segment of the path.
    pub(crate) fn segment(&self, index: usize) -> Result<&str, Reject> {
        self.segments.get(index).map(String::as_str).ok_or_else(Reject::no_data)
    }

    pub(crate) fn segment_id(&self, index: usize) -> Result<u64, Reject> {
        self.segment(index)?.parse().map_err(|_| Reject::invalid("The id must be an integer."))
    }

    /// A symbol that must be sent and known.
    pub(crate) fn symbol(&self) -> Result<String, Reject> {
        let symbol = self.params.required("symbol")?;
        self.exchange.market(&symbol)?;
        Ok(symbol)
    }

    /// A symbol that must be known where it is sent.
    pub(crate) fn optional_symbol(&self) -> Result<Option<String>, Reject> {
        let symbol = self.params.text("symbol")?;
        if let Some(symbol) = &symbol {
            self.exchange.market(symbol)?;
        }
        Ok(symbol)
    }

    /// An order named by one of two parameters; the venue's id goes first.
    pub(crate) fn named(&self, id: &str, client_id: &str) -> Result<Named, Reject> {
        let named = Named {
            account: self.account,
            id: self.params.integer(id)?,
            client_id: self.params.integer(client_id)?,
        };
        if named.id.is_none() && named.client_id.is_none() {
            return Err(Reject::missing(id));
        }
        Ok(named)
    }

    /// Start and end of a period, under the names of v3 or v1.
    pub(crate) fn period(&self) -> Result<std::ops::RangeInclusive<i64>, Reject> {
        let start = self.params.either("startTime", "start_t", Params::time)?;
        let end = self.params.either("endTime", "end_t", Params::time)?;
        Ok(start.unwrap_or(0)..=end.unwrap_or(i64::MAX))
    }

    /// A successful v3 answer.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
    pub(crate) fn data(&self, data: Value) -> Answer {
        Ok(json!({ "success": true, "data": data, "timestamp": self.now }))
    }

    /// A page of rows as v3 gives it.
    pub(crate) fn rows(&self, rows: Vec<Value>, page: Page) -> Answer {
        let total = rows.len();
        let rows = page.cut(rows);
        self.data(json!({
            "rows": rows,
            "meta": { "total": total, "recordsPerPage": page.size, "currentPage": page.page },
        }))
    }
}

/// A page of rows as v1 gives it.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn rows_v1(rows: Vec<Value>, page: Page) -> Answer {
    let total = rows.len();
    let rows = page.cut(rows);
    Ok(json!({
        "success": true,
        "meta": { "total": total, "records_per_page": page.size, "current_page": page.page },
        "rows": rows,
    }))
}
