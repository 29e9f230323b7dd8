//! Which values a policy set can tell apart.
//!
//! Where a number is only ever compared with literals, a decision depends on
//! nothing but which literals it lies between. So all values of one such cell
//! have one decision, and it can be kept. A number that is used in any other
//! way (arithmetic, another attribute beside it) makes the whole shape
//! uncacheable: then every request is evaluated in full.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::context::{Attribute, Context, Kind, Shape};

/// What a policy set does with its inputs.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Literals that each attribute is compared with.
    thresholds: BTreeMap<u8, BTreeSet<i64>>,
    /// Bools and texts that are used at all.
    mentioned: BTreeSet<u8>,
    /// Numbers used in another way than a comparison with a literal.
    raw: BTreeSet<u8>,
    /// The context was used as a whole.
    everything: bool,
    /// Ids of the entities named, of any type.
    entities: BTreeSet<String>,
}

const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];

impl Uses {
    /// Adds one policy in Cedar's JSON form.
    pub fn add(&mut self, policy: &Json) {
        self.walk(policy, 0);
    }

    /// Whether any policy names an entity of that id.
    pub fn names_entity(&self, id: &str) -> bool {
        self.entities.contains(id)
    }

    /// The ids of the entities named.
    pub fn entities(&self) -> impl Iterator<Item = &str> {
        self.entities.iter().map(String::as_str)
    }

    fn walk(&mut self, node: &Json, depth: usize) {
        // Cedar bounds the nesting of what it parses; this bound is ours, and
        // what lies deeper is taken as used in every way.
        if depth > 512 {
            self.everything = true;
            return;
        }
        match node {
            Json::Array(items) => items.iter().for_each(|item| self.walk(item, depth + 1)),
            Json::Object(map) => {
                if let (Some(Json::String(_)), Some(Json::String(id))) =
                    (map.get("type"), map.get("id"))
                {
                    self.entities.insert(id.clone());
                }
                if is_context(node) {
                    self.everything = true;
                    return;
                }
                if let Some(attribute) = context_attribute(node) {
                    self.plain_use(attribute);
                    return;
                }
                for (key, inner) in map {
                    if COMPARISONS.contains(&key.as_str()) && self.comparison(inner) {
                        continue;
                    }
                    // `context has x`: every attribute is always there.
                    if key == "has" && inner.get("left").is_some_and(is_context) {
                        continue;
                    }
                    self.walk(inner, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Notes a comparison of a context number with a literal; false where it
    /// is another kind of comparison.
    fn comparison(&mut self, inner: &Json) -> bool {
        let (Some(left), Some(right)) = (inner.get("left"), inner.get("right")) else {
            return false;
        };
        let pair = match (context_attribute(left), context_attribute(right)) {
            (Some(attribute), None) => (attribute, literal(right)),
            (None, Some(attribute)) => (attribute, literal(left)),
            _ => return false,
        };
        let (Known(attribute), Some(threshold)) = pair else { return false };
        if attribute.kind() != Kind::Long {
            return false;
        }
        self.thresholds.entry(attribute as u8).or_default().insert(threshold);
        true
    }

    fn plain_use(&mut self, attribute: Found) {
        match attribute {
            Known(attribute) if attribute.kind() == Kind::Long => {
                self.raw.insert(attribute as u8);
            }
            Known(attribute) => {
                self.mentioned.insert(attribute as u8);
            }
            Unknown => self.everything = true,
        }
    }

    /// The key plan for one shape; none where it cannot be cached.
    pub fn plan(&self, shape: Shape) -> Option<Plan> {
        if self.everything {
            return None;
        }
        let mut plan = Plan { shape, parts: Vec::new() };
        let mut bits = 0u32;
        for attribute in shape.attributes() {
            let index = *attribute as u8;
            if self.raw.contains(&index) {
                return None;
            }
            let part = match attribute.kind() {
                Kind::Long => match self.thresholds.get(&index) {
                    Some(set) => Part::cells(*attribute, set.iter().copied().collect())?,
                    None => continue,
                },
                Kind::Bool if self.mentioned.contains(&index) => {
                    Part { attribute: *attribute, thresholds: Vec::new(), bits: 1 }
                }
                Kind::Text(_) if self.mentioned.contains(&index) => {
                    Part { attribute: *attribute, thresholds: Vec::new(), bits: 4 }
                }
                Kind::Bool | Kind::Text(_) => continue,
            };
            bits = bits.checked_add(part.bits)?;
            plan.parts.push(part);
        }
        (bits <= 128).then_some(plan)
    }
}

/// How a context of one shape becomes a key.
#[derive(Clone, Debug)]
pub struct Plan {
    shape: Shape,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    attribute: Attribute,
    /// Rising; empty for bools and texts, whose raw value is the cell.
    thresholds: Vec<i64>,
    bits: u32,
}

impl Part {
    fn cells(attribute: Attribute, thresholds: Vec<i64>) -> Option<Self> {
        // Below, at and above each threshold: 2n + 1 cells.
        let cells = thresholds.len().checked_mul(2)?.checked_add(1)?;
        let bits = usize::BITS - cells.leading_zeros();
        Some(Self { attribute, thresholds, bits })
    }

    fn cell(&self, value: i64) -> u128 {
        if self.thresholds.is_empty() {
            return u128::try_from(value).unwrap_or(0);
        }
        let below = self.thresholds.partition_point(|threshold| *threshold < value);
        let at = self.thresholds.get(below).is_some_and(|threshold| *threshold == value);
        (below * 2 + usize::from(at)) as u128
    }
}

impl Plan {
    /// The cells that a context lies in, packed.
    pub fn key(&self, context: &Context) -> u128 {
        debug_assert_eq!(self.shape, context.shape());
        self.parts
            .iter()
            .fold(0u128, |key, part| (key << part.bits) | part.cell(context.get(part.attribute)))
    }
}

enum Found {
    Known(Attribute),
    /// An attribute we do not know: the schema check refuses it, and until
    /// then it is taken as everything.
    Unknown,
}
use Found::{Known, Unknown};

fn is_context(node: &Json) -> bool {
    node.get("Var").and_then(Json::as_str) == Some("context")
}

/// `context.name`, exactly.
fn context_attribute(node: &Json) -> Option<Found> {
    let access = node.get(".")?;
    if !is_context(access.get("left")?) {
        return None;
    }
    let name = access.get("attr")?.as_str()?;
    Some(Attribute::from_name(name).map_or(Unknown, Known))
}

fn literal(node: &Json) -> Option<i64> {
    node.get("Value")?.as_i64()
}
