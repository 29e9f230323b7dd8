//! A change as the bytes that approvers sign, and back.

use std::iter::Peekable;
use std::str::Lines;

use super::{Change, ChangeError, Terms};
use crate::ceiling::{Approvals, ApprovedCeiling, Approver, Destination, ValueOutCeiling};
use crate::grant::{ApprovalError, ApproverKey, GrantId};
use crate::limits::{CHANGE_BYTES, GRANT_LIFE_MS};
use wire::model::Decimal;

const FIRST_LINE: &str = "countersign-change 1";
const BEFORE: &str = "ceiling in force";
const AFTER: &str = "ceiling from then on";

/// Lines of a name and a value.
struct Writer(String);

impl Writer {
    fn line(&mut self, name: &'static str, value: &str) -> Result<(), ChangeError> {
        crate::grant::line(&mut self.0, name, value, name).map_err(|error| match error {
            ApprovalError::Value(what) => ChangeError::Value(what),
            _ => ChangeError::Malformed,
        })
    }

    fn optional(&mut self, name: &'static str, value: Option<&str>) -> Result<(), ChangeError> {
        match value {
            Some(value) => self.line(name, value),
            None => {
                self.0.push_str(&format!("no {name}\n"));
                Ok(())
            }
        }
    }

    fn amount(&mut self, name: &'static str, value: Option<Decimal>) -> Result<(), ChangeError> {
        self.optional(name, value.map(|value| value.normalize().to_string()).as_deref())
    }

    fn terms(&mut self, terms: &Terms) -> Result<(), ChangeError> {
        for asset in &terms.value_out {
            self.line("asset", &asset.asset)?;
            self.amount("per request", Some(asset.per_request))?;
            self.amount("per day", Some(asset.per_day))?;
            let more = asset.approved.as_ref();
            self.amount("approved per request", more.map(|more| more.per_request))?;
            self.amount("approved per day", more.map(|more| more.per_day))?;
            for to in &asset.destinations {
                self.line("network", &to.network)?;
                self.line("address", &to.address)?;
                self.optional("memo", to.memo.as_deref())?;
            }
        }
        self.line("quorum", &terms.approvals.quorum.to_string())?;
        self.line("delay", &terms.approvals.delay_ms.to_string())?;
        for one in &terms.approvals.approvers {
            self.line("approver", &one.name)?;
            self.line("ssh key", one.key.line())?;
            self.line("fingerprint", &one.key.fingerprint())?;
            for bot in &one.owns {
                self.line("owns", bot)?;
            }
        }
        Ok(())
    }
}

/// Reads what [`Writer`] writes.
struct Reader<'a>(Peekable<Lines<'a>>);

impl<'a> Reader<'a> {
    fn exact(&mut self, line: &str) -> Option<()> {
        (self.0.next()? == line).then_some(())
    }

    /// The value of the next line, if it has this name.
    fn next_is(&mut self, name: &str) -> Option<&'a str> {
        let value = self.0.peek()?.strip_prefix(name)?.strip_prefix(": ")?;
        self.0.next();
        Some(value)
    }

    fn optional(&mut self, name: &str) -> Option<Option<&'a str>> {
        if self.0.peek()?.strip_prefix("no ") == Some(name) {
            self.0.next();
            return Some(None);
        }
        self.next_is(name).map(Some)
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        self.next_is(name)?.parse().ok()
    }

    fn amount(&mut self, name: &str) -> Option<Decimal> {
        self.next_is(name)?.parse().ok()
    }

    fn optional_amount(&mut self, name: &str) -> Option<Option<Decimal>> {
        match self.optional(name)? {
            Some(value) => value.parse().ok().map(Some),
            None => Some(None),
        }
    }

    fn terms(&mut self) -> Option<Terms> {
        let mut value_out = Vec::new();
        while let Some(asset) = self.next_is("asset") {
            value_out.push(self.asset(asset)?);
        }
        let quorum = self.next_is("quorum")?.parse().ok()?;
        let delay_ms = self.number("delay")?;
        let mut approvers = Vec::new();
        while let Some(name) = self.next_is("approver") {
            let key = ApproverKey::parse(self.next_is("ssh key")?).ok()?;
            // Held against the key by being written again.
            self.next_is("fingerprint")?;
            let mut owns = Vec::new();
            while let Some(bot) = self.next_is("owns") {
                owns.push(bot.to_owned());
            }
            approvers.push(Approver { name: name.to_owned(), key, owns });
        }
        Some(Terms { value_out, approvals: Approvals { approvers, quorum, delay_ms } })
    }

    fn asset(&mut self, asset: &str) -> Option<ValueOutCeiling> {
        let per_request = self.amount("per request")?;
        let per_day = self.amount("per day")?;
        let more = (
            self.optional_amount("approved per request")?,
            self.optional_amount("approved per day")?,
        );
        let approved = match more {
            (Some(per_request), Some(per_day)) => Some(ApprovedCeiling { per_request, per_day }),
            (None, None) => None,
            _ => return None,
        };
        let mut destinations = Vec::new();
        while let Some(network) = self.next_is("network") {
            destinations.push(Destination {
                network: network.to_owned(),
                address: self.next_is("address")?.to_owned(),
                memo: self.optional("memo")?.map(str::to_owned),
            });
        }
        Some(ValueOutCeiling {
            asset: asset.to_owned(),
            per_request,
            per_day,
            approved,
            destinations,
        })
    }
}

impl Change {
    /// The bytes that approvers sign.
    ///
    /// # Errors
    /// A value, a length or a life that a change cannot have.
    pub fn encode(&self) -> Result<Vec<u8>, ChangeError> {
        let life = self.expires_unix_ms.checked_sub(self.issued_unix_ms);
        if !life.is_some_and(|life| (1..=GRANT_LIFE_MS).contains(&life)) {
            return Err(ChangeError::Life);
        }
        let mut to = Writer(format!("{FIRST_LINE}\n"));
        to.line("venue", &self.venue)?;
        to.line("account", &self.account)?;
        to.line("key", &self.key)?;
        to.line("api key", &self.api_key)?;
        to.line("generation", &self.generation.to_string())?;
        to.line("replaces", &hex::encode(self.replaces))?;
        for (title, terms) in [(BEFORE, &self.before), (AFTER, &self.after)] {
            to.0.push_str(&format!("{title}\n"));
            to.terms(terms)?;
        }
        to.line("id", &self.id.to_string())?;
        to.line("issued", &self.issued_unix_ms.to_string())?;
        to.line("expires", &self.expires_unix_ms.to_string())?;
        if to.0.len() > CHANGE_BYTES {
            return Err(ChangeError::TooLong);
        }
        Ok(to.0.into_bytes())
    }

    /// Reads those bytes.
    ///
    /// # Errors
    /// They are not what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChangeError> {
        let change = Self::read(bytes).ok_or(ChangeError::Malformed)?;
        // INVARIANT (one reading): one change has one spelling.
        if change.encode()? == bytes { Ok(change) } else { Err(ChangeError::Malformed) }
    }

    /// Whether bytes claim to be a change: for whoever takes approvals as well.
    pub fn is_claimed_by(bytes: &[u8]) -> bool {
        bytes.starts_with(FIRST_LINE.as_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > CHANGE_BYTES {
            return None;
        }
        let mut from = Reader(std::str::from_utf8(bytes).ok()?.lines().peekable());
        from.exact(FIRST_LINE)?;
        let (venue, account) = (from.next_is("venue")?, from.next_is("account")?);
        let (key, api_key) = (from.next_is("key")?, from.next_is("api key")?);
        let generation = from.number("generation")?;
        let mut replaces = [0; 32];
        hex::decode_to_slice(from.next_is("replaces")?, &mut replaces).ok()?;
        from.exact(BEFORE)?;
        let before = from.terms()?;
        from.exact(AFTER)?;
        let after = from.terms()?;
        Some(Self {
            venue: venue.to_owned(),
            account: account.to_owned(),
            key: key.to_owned(),
            api_key: api_key.to_owned(),
            generation,
            replaces,
            before,
            after,
            id: GrantId::parse(from.next_is("id")?)?,
            issued_unix_ms: from.number("issued")?,
            expires_unix_ms: from.number("expires")?,
        })
    }
}
