//! Where a venue is: scheme, host, port. Nothing else is taken.

use super::ConfigError;

/// One upstream host.
///
/// INVARIANT (pinned host): requests go to this host and no other, whatever a
/// bot's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Whether it is `https`.
    pub tls: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl UpstreamUrl {
    /// Reads `https://host[:port]`.
    ///
    /// # Errors
    /// Names the field.
    pub fn parse(field: &str, text: &str) -> Result<Self, ConfigError> {
        let wrong = |detail: &str| {
            ConfigError::new(field, format!("`{text}` {detail}; write `https://host[:port]`"))
        };
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(wrong("is neither https nor http")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']').ok_or_else(|| wrong("has no `]`"))?;
                host.parse::<std::net::Ipv6Addr>()
                    .map_err(|_| wrong("has no IPv6 address in its brackets"))?;
                (host, after.strip_prefix(':').or((!after.is_empty()).then_some(after)))
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
            return Err(wrong("has no host name, or more than one"));
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                wrong("has no port number behind the colon, or a path or user name")
            })?,
            None if tls => 443,
            None => 80,
        };
        Ok(Self { tls, host: host.to_ascii_lowercase(), port })
    }

    /// What goes into the `Host` header.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}
