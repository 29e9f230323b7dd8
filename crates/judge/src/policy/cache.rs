//! Decisions that cannot differ are made once.

use std::collections::HashMap;
use std::sync::Arc;

use super::compile::{PolicySet, Ruling};
use super::context::Context;
use crate::bounds;
use wire::model::Class;

/// Rulings by bot, action, resource and cells.
///
/// What it holds depends on the order of requests, what it answers does not:
/// every answer equals a full evaluation (tests/fast_path.rs).
#[derive(Debug, Default)]
pub struct Cache {
    rulings: HashMap<Key, Arc<Ruling>>,
    /// Answers from the cache and evaluations in full, for metrics and tests.
    pub hits: u64,
    /// Requests that were evaluated in full.
    pub misses: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    bot: u32,
    action: u8,
    /// The resource's number in the bot's policies; 0 for those none names.
    resource: u32,
    cells: u128,
}

impl Cache {
    /// The ruling of `policies` on a request of bot number `bot`.
    pub fn rule(
        &mut self,
        policies: &PolicySet,
        bot: u32,
        class: Class,
        resource: &str,
        context: &Context,
    ) -> Arc<Ruling> {
        let Some((number, cells)) = policies.key(bot, class, resource, context) else {
            self.misses = self.misses.saturating_add(1);
            return Arc::new(policies.evaluate(bot, class, resource, context));
        };
        let key = Key { bot, action: class as u8, resource: number, cells };
        if let Some(ruling) = self.rulings.get(&key) {
            self.hits = self.hits.saturating_add(1);
            return Arc::clone(ruling);
        }
        self.misses = self.misses.saturating_add(1);
        let ruling = Arc::new(policies.evaluate(bot, class, resource, context));
        // INVARIANT (bounded): a full cache starts afresh.
        if self.rulings.len() >= bounds::CACHED_DECISIONS {
            self.rulings.clear();
        }
        self.rulings.insert(key, Arc::clone(&ruling));
        ruling
    }

    /// Forgets everything: the policies changed.
    pub fn clear(&mut self) {
        self.rulings.clear();
    }
}
