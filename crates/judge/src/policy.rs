//! Least privilege in Cedar: what a bot may do, from a preset and a few
//! numbers, visible as policy text.
//!
//! Reading order: [`config`] (the tables), [`preset`] (tables to Cedar text),
//! [`context`] (what a policy sees), [`compile`] (text to a checked set),
//! [`cells`] (which values a set can tell apart), [`cache`] (decisions that
//! cannot differ), [`rules`] (a determining policy in words), [`cases`]
//! (policy tests as files).

pub mod cache;
pub mod cases;
pub mod cells;
pub mod compile;
pub mod config;
pub mod context;
pub mod preset;
pub mod rules;
