use super::*;

fn parse(table: &str) -> Result<NotifyConfig, ConfigError> {
    let table: NotifyTable = toml::from_str(table).unwrap();
    table.check("ops", Path::new("/etc/cs"))
}

fn refused(table: &str) -> String {
    parse(table).unwrap_err().to_string()
}

#[test]
fn each_kind_has_sane_defaults() {
    let slack = parse("kind = \"slack\"\nurl_file = \"slack\"").unwrap();
    assert_eq!((slack.minimum, slack.topics.len()), (Severity::Info, Topic::ALL.len()));
    assert_eq!(slack.channel.port(), 443);
    let pager = parse("kind = \"pagerduty\"\nrouting_key_file = \"key\"").unwrap();
    assert_eq!(pager.minimum, Severity::Error);
    let mail = |more: &str| {
        parse(&format!(
            "kind = \"smtp\"\nserver = \"mail.example.com\"\nfrom = \"cs@example.com\"\n\
             to = [\"ops@example.com\"]\n{more}"
        ))
    };
    assert_eq!(mail("").unwrap().channel.port(), 587);
    assert_eq!(mail("tls = \"implicit\"").unwrap().channel.port(), 465);
    assert!(mail("tls = \"none\"").unwrap_err().to_string().contains("in the clear"));
    assert!(mail("user = \"me\"").unwrap_err().to_string().contains("go together"));
    assert!(parse("kind = \"webhook\"\nurl = \"https://h.example/a/b?c=d\"").is_ok());
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    assert!(refused("kind = \"irc\"").contains("`irc` is unknown"));
    assert!(refused("kind = \"slack\"").contains("notify.ops.url_file"));
    assert!(refused("kind = \"webhook\"\nurl = \"http://h.example/\"").contains("in the clear"));
    assert!(refused("kind = \"webhook\"\nurl = \"https://u:p@h.example/\"").contains("url"));
    let more = "kind = \"slack\"\nurl_file = \"f\"\n";
    assert!(refused(&format!("{more}chat_id = \"1\"")).contains("no such field"));
    assert!(refused(&format!("{more}events = [\"all\"]")).contains("`all` is unknown"));
    assert!(refused(&format!("{more}minimum = \"loud\"")).contains("`loud` is unknown"));
    let broken = "kind = \"smtp\"\nserver = \"127.0.0.1\"\ntls = \"none\"\nfrom = \"a@b.example\"\n\
                  to = [\"x@y.example\\r\\nBcc: thief@z.example\"]";
    assert!(refused(broken).contains("is no address"));
}

#[test]
fn a_secret_is_one_line_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(directory.path().join("s"), text).unwrap();
    write("hunter2 \r\nmore\n");
    let secret = read_secret(directory.path(), "s").unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(format!("{secret:?}"), "<redacted>");
    for wrong in ["", "\n", "b\u{e4}d", &"x".repeat(600)] {
        write(wrong);
        let error = read_secret(directory.path(), "s").unwrap_err();
        assert!(wrong.trim().is_empty() || !error.contains(wrong), "{error}");
    }
    assert!(read_secret(directory.path(), "absent").unwrap_err().contains("absent"));
}
