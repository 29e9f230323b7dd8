//! Tests on a disk that fails, fills up, and crashes.

mod crash;
mod faults;
mod memory;
mod model;
mod reserves;
mod staging;
mod syncing;
mod tamper;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use signed_note::{Note, StandardSigner};

use crate::{CheckpointRequest, Log, Options, Recovery};
use faults::FaultyDisk;

/// The key pair published with golang.org/x/mod/sumdb/note.
const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const DIR: &str = "/log";

fn dir() -> &'static Path {
    Path::new(DIR)
}

fn options(boot: u32) -> Options {
    Options {
        segment_bytes: 128 * 1024,
        reads_reserve_bytes: 4096,
        cancels_reserve_bytes: 2048,
        retry_after: Duration::ZERO,
        boot: Some(format!("boot {boot}")),
        ..Options::new("PeterNeumann")
    }
}

fn open(disk: &Arc<FaultyDisk>, boot: u32) -> (Log, Recovery) {
    Log::open_on(Arc::clone(disk) as _, dir(), &options(boot)).unwrap()
}

fn sign(request: &CheckpointRequest) -> Result<String, String> {
    if let Some(previous) = request.previous {
        crate::verify_consistency(previous, request.head(), &request.consistency_proof)
            .map_err(|error| error.to_string())?;
    }
    Ok(sign_body(&request.body(&[]).map_err(|error| error.to_string())?))
}

fn sign_body(body: &str) -> String {
    let mut note = Note::new(body.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SKEY).unwrap()]).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}
