//! Other policies asked about the same request: nothing is counted, held or
//! noted for it, so that what really happened goes on being what is judged
//! from.

use std::sync::Arc;

use super::Assessed;
use super::explain::Explanation;
use crate::facts::Facts;
use crate::judge::Judge;
use crate::policy::cache::Cache;
use crate::policy::compile::PolicySet;

/// Policies that are not in force in a judge, and may be asked there.
#[derive(Debug)]
pub struct Candidate {
    policies: Arc<PolicySet>,
    cache: Cache,
    active: usize,
    /// The policy's number of each of the judge's bots, by the bot's place.
    numbers: Vec<Option<u32>>,
}

impl Candidate {
    /// Policies to ask a judge by; one candidate is of one judge.
    pub fn new(policies: Arc<PolicySet>) -> Self {
        Self { policies, cache: Cache::default(), active: 0, numbers: Vec::new() }
    }
}

impl Judge {
    /// What `candidate` would say of a request, detectors included, in the state
    /// that this judge is in.
    ///
    /// INVARIANT (pure judge): changes nothing that a later decision depends on.
    pub fn would(&mut self, candidate: &mut Candidate, facts: &Facts<'_>) -> Explanation {
        self.exchange(candidate);
        let habits = self.bot_index(facts.bot).and_then(|index| {
            let bot = self.state.bots.get(index as usize)?;
            Some((index as usize, bot.habits.clone()))
        });
        let explanation = match self.assess(facts) {
            Ok(Assessed { bot, number, weighed, mut left, reducing, .. }) => {
                self.alarm(facts, (bot, number), &weighed, &mut left, reducing);
                let (left, _) = left.approved(facts.around.approved);
                Explanation {
                    allowed: left.reasons.is_empty(),
                    reasons: left.reasons,
                    relaxed: left.relaxed,
                    inputs: Some(weighed.context),
                    policies: Vec::new(),
                }
            }
            Err(reason) => Explanation {
                allowed: false,
                reasons: vec![reason],
                relaxed: Vec::new(),
                inputs: None,
                policies: Vec::new(),
            },
        };
        if let Some((index, habits)) = habits
            && let Some(bot) = self.state.bots.get_mut(index)
        {
            bot.habits = habits;
        }
        self.exchange(candidate);
        explanation
    }

    fn exchange(&mut self, candidate: &mut Candidate) {
        let Candidate { policies, cache, active, numbers } = candidate;
        let account = &self.setup.name;
        for bot in self.state.bots.iter().skip(numbers.len()) {
            let number = policies.bot_number(&bot.name);
            let ours = |number: &u32| {
                policies.rules(*number).is_some_and(|rules| &rules.policy.account == account)
            };
            let number = number.filter(ours);
            *active += usize::from(number.is_some());
            numbers.push(number);
        }
        for (bot, number) in self.state.bots.iter_mut().zip(numbers) {
            std::mem::swap(&mut bot.policy, number);
        }
        std::mem::swap(&mut self.policies, policies);
        std::mem::swap(&mut self.cache, cache);
        std::mem::swap(&mut self.active, active);
    }
}
