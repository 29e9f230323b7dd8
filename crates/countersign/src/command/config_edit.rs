//! Changes to `countersign.toml` that keep its comments.

use std::io::Write as _;
use std::path::PathBuf;

use toml_edit::{DocumentMut, Item, Table};

use crate::failure::Failure;
use crate::settings::{CONFIG_BYTES, Settings};

/// The configuration, open for changes.
#[derive(Debug)]
pub(crate) struct ConfigEdit {
    path: PathBuf,
    document: DocumentMut,
}

impl ConfigEdit {
    /// Opens the file that the settings were read from.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let document = settings.text.parse().map_err(|error| {
            Failure::misuse(format!("`{}` does not parse: {error}", settings.config_path.display()))
        })?;
        Ok(Self { path: settings.config_path.clone(), document })
    }

    /// Adds `[bot.NAME]`.
    pub(crate) fn add_bot(&mut self, name: &str, table: Table) -> Result<(), Failure> {
        self.group("bot")?.insert(name, Item::Table(table));
        Ok(())
    }

    /// Removes `[bot.NAME]`.
    pub(crate) fn remove_bot(&mut self, name: &str) {
        if let Some(bots) = self.document.get_mut("bot").and_then(Item::as_table_mut) {
            bots.remove(name);
        }
    }

    /// Names the key of an account's class, and adds the account at that venue
    /// where it is missing. `None` takes the name away.
    pub(crate) fn set_account_key(
        &mut self,
        venue: &str,
        account: &str,
        class: &str,
        key: Option<&str>,
    ) -> Result<(), Failure> {
        let accounts = self.group("account")?;
        if !accounts.contains_key(account) {
            let mut table = Table::new();
            table.insert("venue", toml_edit::value(venue));
            accounts.insert(account, Item::Table(table));
        }
        let odd = || Failure::misuse(format!("[account.{account}] is not a table"));
        let table = accounts.get_mut(account).and_then(Item::as_table_mut).ok_or_else(odd)?;
        let keys = table.entry("keys").or_insert(toml_edit::value(toml_edit::InlineTable::new()));
        let keys = keys.as_table_like_mut().ok_or_else(odd)?;
        match key {
            Some(key) => keys.insert(class, toml_edit::value(key)),
            None => keys.remove(class),
        };
        Ok(())
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let text = self.document.to_string();
        if text.len() as u64 > CONFIG_BYTES {
            return Err(Failure::negative(format!(
                "`{}` would be larger than {CONFIG_BYTES} bytes",
                self.path.display()
            ))
            .next("remove bots that are no longer used"));
        }
        let new = self.path.with_extension("toml.new");
        let written = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(&new)?;
            file.write_all(text.as_bytes())?;
            if let Ok(old) = std::fs::metadata(&self.path) {
                file.set_permissions(old.permissions())?;
            }
            file.sync_all()?;
            std::fs::rename(&new, &self.path)
        };
        written().map_err(|error| Failure::file("write", &self.path, error))
    }

    fn group(&mut self, name: &str) -> Result<&mut Table, Failure> {
        let item = self.document.entry(name).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        item.as_table_mut().ok_or_else(|| Failure::misuse(format!("`{name}` is not a table")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str) -> ConfigEdit {
        ConfigEdit { path: "/nowhere/countersign.toml".into(), document: text.parse().unwrap() }
    }

    #[test]
    fn comments_survive() {
        let mut edit = edit("# first\ndata_dir = \"d\" # second\n");
        edit.set_account_key("binance", "main", "trade", Some("main-trade")).unwrap();
        let mut bot = Table::new();
        bot.insert("account", toml_edit::value("main"));
        edit.add_bot("mm-1", bot).unwrap();
        let text = edit.document.to_string();
        assert!(text.starts_with("# first\ndata_dir = \"d\" # second\n"), "{text}");
        assert!(
            text.contains("[account.main]\nvenue = \"binance\"\nkeys = { trade = \"main-trade\" }")
        );
        assert!(text.contains("[bot.mm-1]\naccount = \"main\"\n"));
        edit.remove_bot("mm-1");
        edit.set_account_key("binance", "main", "trade", None).unwrap();
        assert!(!edit.document.to_string().contains("mm-1"));
    }
}
