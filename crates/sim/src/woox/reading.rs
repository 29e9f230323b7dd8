//! How the venue reads a request: parameters from query, form or JSON, and the
//! text that its signature covers.
//!
//! Source: the vendor's integration guide (v3) and support article on -1002 (v1).

use serde_json::{Map, Value};

/// One request as the venue understands it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Whether it is under `/v3`; other signed paths are v1.
    pub v3: bool,
    /// `x-api-key`.
    pub key: Option<String>,
    /// `x-api-timestamp`, as sent.
    pub timestamp: Option<String>,
    /// `x-api-signature`.
    pub signature: Option<String>,
    /// Every parameter; texts from query and form, values from JSON.
    pub params: Map<String, Value>,
    /// A name that came twice, or in query and body.
    pub repeated: Option<String>,
    /// Whether a body that should be JSON is not a JSON object.
    pub malformed: bool,
    /// The texts that a signature may cover.
    pub texts: Vec<Vec<u8>>,
}

/// Reads a request. `headers` in any case; `target` is path and query.
#[must_use]
pub fn read(method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Reading {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let v3 = path.starts_with("/v3/");
    let writes = matches!(method, "POST" | "PUT");
    let timestamp = header(headers, "x-api-timestamp");
    let mut reading = Reading {
        method: method.to_owned(),
        path: path.to_owned(),
        v3,
        key: header(headers, "x-api-key"),
        signature: header(headers, "x-api-signature"),
        params: Map::new(),
        repeated: None,
        malformed: false,
        texts: Vec::new(),
        timestamp,
    };
    reading.take_form(query.as_bytes());
    if !v3 {
        reading.take_form(body);
    } else if writes && !body.is_empty() {
        reading.take_json(body);
    }
    reading.texts = reading.signed_texts(query, body);
    reading
}

impl Reading {
    fn put(&mut self, name: String, value: Value) {
        if self.params.insert(name.clone(), value).is_some() {
            self.repeated.get_or_insert(name);
        }
    }

    fn take_form(&mut self, raw: &[u8]) {
        for (name, value) in form_urlencoded::parse(raw).into_owned() {
            self.put(name, Value::String(value));
        }
    }

    fn take_json(&mut self, body: &[u8]) {
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            self.malformed = true;
            return;
        };
        for (name, value) in object {
            self.put(name, value);
        }
    }

    fn signed_texts(&self, query: &str, body: &[u8]) -> Vec<Vec<u8>> {
        let time = self.timestamp.as_deref().unwrap_or_default();
        if self.v3 {
            let question = if query.is_empty() { "" } else { "?" };
            let head = format!("{time}{}{}{question}{query}", self.method, self.path);
            let mut text = head.into_bytes();
            if matches!(self.method.as_str(), "POST" | "PUT") {
                text.extend_from_slice(body);
            }
            return vec![text];
        }
        let body = String::from_utf8_lossy(body);
        let mut raw: Vec<&str> =
            query.split('&').chain(body.split('&')).filter(|pair| !pair.is_empty()).collect();
        raw.sort_by_key(|pair| pair.split('=').next().unwrap_or_default());
        let mut plain: Vec<(String, String)> = [query.as_bytes(), body.as_bytes()]
            .into_iter()
            .flat_map(|raw| form_urlencoded::parse(raw).into_owned())
            .collect();
        plain.sort();
        let plain: Vec<String> =
            plain.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        // The vendor's own samples sign the values as they are and leave the
        // encoding to the HTTP library; ccxt signs them encoded. Both trade.
        vec![
            format!("{}|{time}", raw.join("&")).into_bytes(),
            format!("{}|{time}", plain.join("&")).into_bytes(),
        ]
    }
}

/// The value of a header that is sent once.
fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let mut found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let first = found.next().map(|(_, value)| value.clone());
    if found.next().is_some() { None } else { first }
}
