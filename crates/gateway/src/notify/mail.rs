//! E-mail, by a library: addresses, headers and bodies are encoded by it.

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::event::Event;
use super::{Failure, shape};
use crate::config::notify::{MailTls, Secret};
use crate::limits;

/// A mail server, and from whom to whom.
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.server)
    }
}

/// Where mail is given in.
pub(super) struct Server<'a> {
    pub(super) name: &'a str,
    pub(super) port: u16,
    pub(super) tls: MailTls,
    pub(super) login: Option<(&'a str, &'a Secret)>,
    pub(super) authority: Option<&'a [u8]>,
}

impl Mail {
    /// # Errors
    /// An address or a certificate cannot be used.
    pub(super) fn new(server: &Server<'_>, from: &str, to: &[String]) -> Result<Self, String> {
        let mailbox = |text: &str| {
            text.parse::<Mailbox>().map_err(|_| format!("`{}` is no address", text.escape_debug()))
        };
        let tls = match server.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(parameters(server)?),
            MailTls::Implicit => Tls::Wrapper(parameters(server)?),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.name.to_owned())
                .port(server.port)
                .tls(tls)
                .timeout(Some(limits::NOTIFY_TIME));
        if let Some((user, password)) = server.login {
            let credentials = Credentials::new(user.to_owned(), password.expose().to_owned());
            builder = builder.credentials(credentials);
        }
        Ok(Self {
            transport: builder.build(),
            server: format!("{}:{}", server.name, server.port),
            from: mailbox(from)?,
            to: to.iter().map(|one| mailbox(one)).collect::<Result<_, _>>()?,
        })
    }

    /// Gives a mail in.
    ///
    /// # Errors
    /// It was not taken, or nobody knows. The server's own words are left out:
    /// they may repeat what it was told.
    pub(super) async fn send(&self, event: &Event) -> Result<(), Failure> {
        let message = self.message(event)?;
        let Err(error) = self.transport.send(message).await else { return Ok(()) };
        let server = &self.server;
        let code = error.status().map(|code| code.to_string()).unwrap_or_default();
        Err(if error.is_permanent() {
            Failure::lasting(format!(
                "mail server `{server}` refuses it ({code}): check user, password and addresses"
            ))
        } else if error.is_transient() {
            Failure::passing(format!("mail server `{server}` takes it later ({code})"))
        } else if error.is_tls() {
            Failure::passing(format!("no TLS with mail server `{server}`: check its certificate"))
        } else if error.is_client() {
            Failure::lasting(format!(
                "mail server `{server}` offers nothing that mail can be given in by: check `tls` \
                 and `user`"
            ))
        } else {
            Failure::passing(format!("mail server `{server}` cannot be reached, or broke off"))
        })
    }

    fn message(&self, event: &Event) -> Result<Message, Failure> {
        let domain = self.from.email.domain();
        let to = |message: MessageBuilder, one: &Mailbox| message.to(one.clone());
        let message = Message::builder()
            .from(self.from.clone())
            .subject(shape::subject(event))
            // The same again where it is sent again.
            .message_id(Some(format!("<{}@{domain}>", event.id)))
            .header(ContentType::TEXT_PLAIN);
        let message = self.to.iter().fold(message, to);
        message
            .body(format!("{}\n", event.text()))
            .map_err(|error| Failure::lasting(format!("the mail cannot be written: {error}")))
    }
}

fn parameters(server: &Server<'_>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(server.name.to_owned())
        .certificate_store(CertificateStore::WebpkiRoots);
    if let Some(pem) = server.authority {
        let authority = Certificate::from_pem(pem)
            .map_err(|_| "the file of `root_certificates` holds no certificate".to_owned())?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().map_err(|error| format!("no TLS: {error}"))
}
