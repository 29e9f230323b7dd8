//! Tables and additional Cedar text to a checked policy set.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr as _;

use cedar_policy as cedar;
use wire::model::Class;

use super::cells::{Plan, Uses};
use super::config::{BotPolicy, Mode, Preset};
use super::context::{Context, Shape, Value};
use super::preset;
use crate::bounds;
use crate::detect::DetectConfig;

/// The Cedar schema that every policy is checked against.
pub const SCHEMA: &str = include_str!("../../../../policies/countersign.cedarschema");

/// Why a policy set was refused. The operator's fault; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The bot whose table it is about; none for additional policies.
    pub bot: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl PolicyError {
    pub(crate) fn of(bot: &str, message: impl Into<String>) -> Self {
        Self { bot: Some(bot.to_owned()), message: message.into() }
    }

    fn general(message: impl Into<String>) -> Self {
        Self { bot: None, message: message.into() }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bot {
            Some(bot) => write!(f, "policy of bot `{}`: {}", bot.escape_debug(), self.message),
            None => write!(f, "policy: {}", self.message),
        }
    }
}

impl std::error::Error for PolicyError {}

/// Every bot's policies, checked.
pub struct PolicySet {
    bots: Vec<BotRules>,
    numbers: HashMap<String, u32>,
    names: EntityNames,
    detection: DetectConfig,
    authorizer: cedar::Authorizer,
}

/// One bot's policies, compiled.
pub(crate) struct BotRules {
    pub(crate) policy: BotPolicy,
    text: String,
    principal: cedar::EntityUid,
    set: cedar::PolicySet,
    entities: cedar::Entities,
    plans: [Option<Plan>; 4],
    resources: HashMap<String, u32>,
}

struct EntityNames {
    account: cedar::EntityTypeName,
    market: cedar::EntityTypeName,
    destination: cedar::EntityTypeName,
    action: cedar::EntityTypeName,
}

/// What the policies say of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The policies that decided: every forbid that holds, or the permits.
    /// Sorted.
    pub determining: Vec<Determining>,
    /// Denied because nothing permits it, rather than because something
    /// forbids it.
    pub unpermitted: bool,
    /// Policies that could not be evaluated. Cedar skips them; we do not
    /// allow past one.
    pub errors: Vec<String>,
}

/// A policy that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Determining {
    /// Its id, as `policy explain` prints it.
    pub id: String,
    /// The `@reason` of an additional policy.
    pub reason: Option<String>,
}

impl PolicySet {
    /// Compiles the bots' tables with additional Cedar text, which holds for
    /// every bot.
    pub fn compile(bots: &[BotPolicy], extra_cedar: &str) -> Result<Self, PolicyError> {
        if bots.len() > bounds::BOTS {
            return Err(PolicyError::general(format!("more than {} bots", bounds::BOTS)));
        }
        let (schema, _) = cedar::Schema::from_cedarschema_str(SCHEMA)
            .map_err(|error| PolicyError::general(format!("schema: {error}")))?;
        let validator = cedar::Validator::new(schema);
        let extra = extra_policies(extra_cedar)?;
        let names = EntityNames::new()?;
        let mut compiled = Vec::with_capacity(bots.len());
        let mut numbers = HashMap::with_capacity(bots.len());
        for bot in bots {
            let number = u32::try_from(compiled.len()).unwrap_or(u32::MAX);
            if numbers.insert(bot.name.clone(), number).is_some() {
                return Err(PolicyError::of(&bot.name, "there are two bots of this name"));
            }
            compiled.push(BotRules::compile(bot, &extra, &validator)?);
        }
        let (detection, authorizer) = (DetectConfig::off(), cedar::Authorizer::new());
        Ok(Self { bots: compiled, numbers, names, detection, authorizer })
    }

    /// The same policies with detectors; without this none is asked.
    pub fn with_detection(mut self, detection: DetectConfig) -> Self {
        self.detection = detection;
        self
    }

    /// The detectors' configuration.
    pub const fn detection(&self) -> &DetectConfig {
        &self.detection
    }

    /// What is allowed but looks like an oversight: what `policy check` prints
    /// besides errors, as bot and sentence.
    pub fn warnings(&self) -> Vec<(String, String)> {
        let mut warnings = Vec::new();
        for rules in &self.bots {
            let bot = &rules.policy;
            let mut warn = |sentence: String| warnings.push((bot.name.clone(), sentence));
            if bot.preset.trades() {
                if bot.max_order_notional.is_none() {
                    warn("`max_order_notional` is not set: one order may be of any size".into());
                }
                if bot.max_notional_per_hour.is_none() && bot.max_notional_per_day.is_none() {
                    warn(
                        "neither `max_notional_per_hour` nor `max_notional_per_day` is set".into(),
                    );
                }
                if bot.collar_bps.is_none() {
                    warn("`collar_bps` is not set: orders may be at any price".into());
                }
                if bot.markets.iter().any(|market| market == "*") {
                    warn("`markets` is every market; list those it trades".into());
                }
            }
            if bot.mode == Mode::Observe {
                warn("mode `observe` reports order limits and enforces none".into());
            }
            if bot.preset == Preset::Treasury && bot.withdraw.is_empty() {
                warn("preset `treasury` without `withdraw` can withdraw nowhere".into());
            }
            if rules.plans.iter().any(Option::is_none) {
                warn(
                    "an additional policy calculates with numbers: every request is evaluated \
                      in full, some 10 µs"
                        .into(),
                );
            }
        }
        warnings
    }

    /// The number of a bot, for [`PolicySet::evaluate`].
    pub fn bot_number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The bots' tables.
    pub fn bots(&self) -> impl Iterator<Item = &BotPolicy> {
        self.bots.iter().map(|rules| &rules.policy)
    }

    /// The Cedar text of one bot's policies, without the additional ones.
    pub fn cedar_text(&self, bot: &str) -> Option<&str> {
        Some(&self.rules(self.bot_number(bot)?)?.text)
    }

    /// The text of one policy that decided about a bot.
    pub fn policy_text(&self, bot: &str, id: &str) -> Option<String> {
        let rules = self.rules(self.bot_number(bot)?)?;
        rules.set.policy(&cedar::PolicyId::new(id))?.to_cedar()
    }

    pub(crate) fn rules(&self, bot: u32) -> Option<&BotRules> {
        self.bots.get(usize::try_from(bot).ok()?)
    }

    /// Where a request lies among all that its bot's policies can tell
    /// apart: the resource's number and the cells of its context. None where
    /// they cannot be enumerated.
    pub(crate) fn key(
        &self,
        bot: u32,
        class: Class,
        resource: &str,
        context: &Context,
    ) -> Option<(u32, u128)> {
        let rules = self.rules(bot)?;
        let shape = Shape::of(class);
        let plan = rules.plans.get(shape as usize)?.as_ref()?;
        // A resource that no policy names is like any other such.
        let number = rules.resources.get(resource).copied().unwrap_or(0);
        Some((number, plan.key(context)))
    }

    /// Evaluates a request in full.
    pub fn evaluate(&self, bot: u32, class: Class, resource: &str, context: &Context) -> Ruling {
        match self.response(bot, class, resource, context) {
            Ok(response) => self.ruling(bot, &response),
            // INVARIANT (fail closed): what cannot be asked is denied.
            Err(error) => Ruling {
                allowed: false,
                determining: Vec::new(),
                unpermitted: true,
                errors: vec![error.message],
            },
        }
    }

    fn response(
        &self,
        bot: u32,
        class: Class,
        resource: &str,
        context: &Context,
    ) -> Result<cedar::Response, PolicyError> {
        let rules = self.rules(bot).ok_or_else(|| PolicyError::general("no such bot"))?;
        let request = self.request(rules, class, resource, context, None)?;
        Ok(self.authorizer.is_authorized(&request, &rules.set, &rules.entities))
    }

    fn request(
        &self,
        rules: &BotRules,
        class: Class,
        resource: &str,
        context: &Context,
        schema: Option<&cedar::Schema>,
    ) -> Result<cedar::Request, PolicyError> {
        let resource_type = match Shape::of(class) {
            Shape::Order | Shape::Cancel => &self.names.market,
            Shape::Withdraw => &self.names.destination,
            Shape::Plain => &self.names.account,
        };
        let uid = |kind: &cedar::EntityTypeName, id: &str| {
            cedar::EntityUid::from_type_name_and_id(kind.clone(), cedar::EntityId::new(id))
        };
        let pairs = context.iter().map(|(name, value)| {
            let expression = match value {
                Value::Long(number) => cedar::RestrictedExpression::new_long(number),
                Value::Bool(flag) => cedar::RestrictedExpression::new_bool(flag),
                Value::Text(text) => cedar::RestrictedExpression::new_string(text.to_owned()),
            };
            (name.to_owned(), expression)
        });
        let context = cedar::Context::from_pairs(pairs)
            .map_err(|error| PolicyError::general(format!("context: {error}")))?;
        cedar::Request::new(
            rules.principal.clone(),
            uid(&self.names.action, class.name()),
            uid(resource_type, resource),
            context,
            schema,
        )
        .map_err(|error| PolicyError::general(format!("request: {error}")))
    }

    fn ruling(&self, bot: u32, response: &cedar::Response) -> Ruling {
        let diagnostics = response.diagnostics();
        let mut errors: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
        errors.sort_unstable();
        let annotation =
            |id: &cedar::PolicyId| self.rules(bot)?.set.annotation(id, "reason").map(str::to_owned);
        let mut determining: Vec<Determining> = diagnostics
            .reason()
            .map(|id| Determining { id: id.to_string(), reason: annotation(id) })
            .collect();
        determining.sort_unstable();
        let decided = response.decision() == cedar::Decision::Allow;
        let unpermitted = !decided && determining.is_empty();
        if decided && !errors.is_empty() {
            // The permits that spoke are not why this is denied.
            determining.clear();
        }
        Ruling {
            // INVARIANT (fail closed): Cedar skips a policy whose evaluation
            // errors, a forbid too, so any error is a deny.
            allowed: decided && errors.is_empty(),
            determining,
            unpermitted,
            errors,
        }
    }

    /// Whether the schema knows this request: a check of our own context
    /// table against the schema file, for tests.
    pub fn conforms(
        &self,
        bot: u32,
        class: Class,
        resource: &str,
        context: &Context,
    ) -> Result<(), PolicyError> {
        let (schema, _) = cedar::Schema::from_cedarschema_str(SCHEMA)
            .map_err(|error| PolicyError::general(format!("schema: {error}")))?;
        let rules = self.rules(bot).ok_or_else(|| PolicyError::general("no such bot"))?;
        self.request(rules, class, resource, context, Some(&schema)).map(drop)
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet").field("bots", &self.bots.len()).finish_non_exhaustive()
    }
}

impl BotRules {
    fn compile(
        bot: &BotPolicy,
        extra: &[cedar::Policy],
        validator: &cedar::Validator,
    ) -> Result<Self, PolicyError> {
        let wrong = |what: &str, error: &dyn fmt::Display| {
            PolicyError::of(&bot.name, format!("{what}: {error}"))
        };
        let text = preset::cedar_text(bot)?;
        let parsed = cedar::PolicySet::from_str(&text).map_err(|error| wrong("preset", &error))?;
        let own = parsed.policies().map(|policy| {
            let id = policy.annotation("id").unwrap_or_default();
            policy.new_id(cedar::PolicyId::new(id))
        });
        let set = cedar::PolicySet::from_policies(own.chain(extra.iter().cloned()))
            .map_err(|error| wrong("policies", &error))?;
        let validation = validator.validate(&set, cedar::ValidationMode::Strict);
        if let Some(error) = validation.validation_errors().next() {
            return Err(wrong("policies", error));
        }
        let mut uses = Uses::default();
        for policy in set.policies() {
            uses.add(&policy.to_json().map_err(|error| wrong("policies", &error))?);
        }
        let resources = uses.entities().map(str::to_owned).zip(1..).collect();
        let plans = [Shape::Order, Shape::Cancel, Shape::Withdraw, Shape::Plain]
            .map(|shape| uses.plan(shape));
        let principal = uid("Bot", &bot.name)?;
        let account = uid("Account", &bot.account)?;
        let entities = cedar::Entities::from_entities(
            [
                cedar::Entity::new_no_attrs(principal.clone(), [account.clone()].into()),
                cedar::Entity::new_no_attrs(account, [].into()),
            ],
            Some(validator.schema()),
        )
        .map_err(|error| wrong("entities", &error))?;
        Ok(Self { policy: bot.clone(), text, principal, set, entities, plans, resources })
    }
}

impl EntityNames {
    fn new() -> Result<Self, PolicyError> {
        Ok(Self {
            account: type_name("Account")?,
            market: type_name("Market")?,
            destination: type_name("Destination")?,
            action: type_name("Action")?,
        })
    }
}

fn type_name(name: &str) -> Result<cedar::EntityTypeName, PolicyError> {
    cedar::EntityTypeName::from_str(name)
        .map_err(|error| PolicyError::general(format!("entity type: {error}")))
}

fn uid(kind: &str, id: &str) -> Result<cedar::EntityUid, PolicyError> {
    Ok(cedar::EntityUid::from_type_name_and_id(type_name(kind)?, cedar::EntityId::new(id)))
}

/// Additional policies; their ids become `extra/NAME`, from `@id` or counted.
fn extra_policies(text: &str) -> Result<Vec<cedar::Policy>, PolicyError> {
    if text.len() > bounds::EXTRA_POLICY_BYTES {
        return Err(PolicyError::general(format!(
            "additional policies are longer than {} bytes",
            bounds::EXTRA_POLICY_BYTES
        )));
    }
    let set = cedar::PolicySet::from_str(text)
        .map_err(|error| PolicyError::general(format!("additional policies: {error}")))?;
    if set.templates().next().is_some() {
        return Err(PolicyError::general(
            "additional policies have a template; write the principal out",
        ));
    }
    let mut policies: Vec<cedar::Policy> = set
        .policies()
        .map(|policy| {
            let id = match policy.annotation("id") {
                Some(id) => format!("extra/{id}"),
                None => format!("extra/{}", policy.id()),
            };
            policy.new_id(cedar::PolicyId::new(id))
        })
        .collect();
    policies.sort_by_key(|policy| policy.id().to_string());
    for pair in policies.windows(2) {
        if let [first, second] = pair
            && first.id() == second.id()
        {
            return Err(PolicyError::general(format!("two policies have the id `{}`", first.id())));
        }
    }
    Ok(policies)
}
