//! Which real key a request is signed with: known here by name, number and
//! public id only.

use std::collections::BTreeMap;
use std::sync::Arc;

use vault::protocol::{KeyHandle, KeyInfo};
use wire::model::{Class, Effect, Rights};

use crate::config::AccountConfig;

/// One real key, as far as the gateway knows it.
#[derive(Debug)]
pub(crate) struct RealKey {
    pub(crate) name: String,
    pub(crate) handle: KeyHandle,
    /// The public id, for the header: visible ASCII without spaces.
    pub(crate) api_key: String,
    /// What the venue lets it do, as far as is known.
    pub(crate) rights: Rights,
    /// Who may approve what is over its ceiling's first tier, each once.
    pub(crate) approvers: Vec<String>,
    /// How many of them it takes; of one person alone, two devices.
    pub(crate) quorum: u16,
    /// Finds the public id in an answer, where it must not be.
    pub(crate) finder: memchr::memmem::Finder<'static>,
}

/// The keys of one account on one signer.
#[derive(Debug, Default)]
pub(crate) struct AccountKeys {
    trade: Option<Arc<RealKey>>,
    read: Option<Arc<RealKey>>,
    value_out: Option<Arc<RealKey>>,
}

/// Every account's keys on one signer.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    /// Which signer the handles are of.
    pub(crate) epoch: u64,
    accounts: BTreeMap<String, AccountKeys>,
    /// What the person who runs this should know, one line each.
    pub(crate) warnings: Vec<String>,
}

impl KeyRing {
    /// Matches the configuration with the keys that the signer has.
    pub(crate) fn new(
        epoch: u64,
        accounts: &BTreeMap<String, AccountConfig>,
        keys: &[KeyInfo],
    ) -> Self {
        let mut warnings = Vec::new();
        let mut find = |account: &str, name: Option<&String>| {
            let name = name?;
            let Some(info) = keys.iter().find(|info| info.name == *name) else {
                warnings.push(format!(
                    "account `{account}`: the vault has no key `{name}`; add it with \
                     `countersign key add`"
                ));
                return None;
            };
            if info.account != account {
                warnings.push(format!(
                    "account `{account}`: key `{name}` was added for account `{}`",
                    info.account
                ));
                return None;
            }
            if let Some(limited) = &info.limited {
                warnings.push(format!("key `{name}` signs reads and cancels only: {limited}"));
            }
            if !info.api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            Some(Arc::new(RealKey {
                name: name.clone(),
                handle: info.handle,
                api_key: info.api_key.clone(),
                rights: info.rights,
                approvers: info.approvers.clone(),
                quorum: info.quorum,
                finder: memchr::memmem::Finder::new(&info.api_key).into_owned(),
            }))
        };
        let accounts = accounts
            .iter()
            .map(|(name, config)| {
                let keys = AccountKeys {
                    trade: find(name, config.trade.as_ref()),
                    read: find(name, config.read.as_ref()),
                    value_out: find(name, config.value_out.as_ref()),
                };
                (name.clone(), keys)
            })
            .collect();
        Self { epoch, accounts, warnings }
    }

    /// The key for a request of that class and effect: reads go to the read
    /// key where there is one.
    pub(crate) fn for_request(
        &self,
        account: &str,
        class: Class,
        effect: Effect,
    ) -> Option<&Arc<RealKey>> {
        let keys = self.accounts.get(account)?;
        if class == Class::Withdraw || effect == Effect::ValueOut {
            return keys.value_out.as_ref();
        }
        if effect == Effect::Read {
            return keys.read.as_ref().or(keys.trade.as_ref());
        }
        keys.trade.as_ref()
    }

    /// An account's keys, each once.
    pub(crate) fn of_account(&self, account: &str) -> Vec<Arc<RealKey>> {
        let Some(keys) = self.accounts.get(account) else { return Vec::new() };
        let mut found: Vec<Arc<RealKey>> =
            [&keys.trade, &keys.read, &keys.value_out].into_iter().flatten().cloned().collect();
        found.sort_by_key(|key| key.handle);
        found.dedup_by_key(|key| key.handle);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault::protocol::KeyClass;

    fn info(handle: u16, name: &str, account: &str) -> KeyInfo {
        KeyInfo {
            handle: KeyHandle(handle),
            name: name.to_owned(),
            account: account.to_owned(),
            venue: "binance".to_owned(),
            api_key: format!("id-of-{name}"),
            scheme: vault::protocol::control::Scheme::HmacSha256,
            class: KeyClass::Trade,
            rights: Rights::NONE,
            ceiling: String::new(),
            ceiling_digest: [7; 32],
            generation: 3,
            approvers: Vec::new(),
            quorum: 0,
            limited: None,
        }
    }

    fn ring(read: Option<&str>) -> KeyRing {
        let account = AccountConfig {
            venue: wire::model::Venue::Binance,
            trade: Some("t".to_owned()),
            read: read.map(str::to_owned),
            value_out: None,
        };
        let keys = [info(0, "t", "main"), info(1, "r", "main"), info(2, "x", "other")];
        KeyRing::new(1, &BTreeMap::from([("main".to_owned(), account)]), &keys)
    }

    #[test]
    fn reads_use_the_read_key() {
        let ring = ring(Some("r"));
        let name =
            |class, effect| ring.for_request("main", class, effect).map(|key| key.name.as_str());
        assert_eq!(name(Class::Read, Effect::Read), Some("r"));
        assert_eq!(name(Class::Place, Effect::Order), Some("t"));
        assert_eq!(name(Class::Cancel, Effect::Cancel), Some("t"));
        assert_eq!(name(Class::Withdraw, Effect::ValueOut), None);
        assert!(ring.for_request("other", Class::Read, Effect::Read).is_none());
        assert_eq!(ring.of_account("main").len(), 2);
    }

    #[test]
    fn a_missing_or_foreign_key_is_a_warning() {
        assert!(ring(Some("gone")).warnings[0].contains("`gone`"));
        let foreign = ring(Some("x"));
        assert!(foreign.warnings[0].contains("`other`"));
        let fallback = foreign.for_request("main", Class::Read, Effect::Read);
        assert_eq!(fallback.map(|key| key.name.as_str()), Some("t"));
    }
}
