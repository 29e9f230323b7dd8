//! System call filters.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, apply_filter_all_threads, sock_filter,
};

use super::{Calls, SandboxReport};

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

pub(super) fn restrict(calls: Calls, all_threads: bool, report: &mut SandboxReport) {
    let set = if all_threads { apply_filter_all_threads } else { apply_filter };
    match filter(calls).and_then(|program| {
        set(&program).map_err(|error| format!("system calls are not filtered: {error}"))
    }) {
        Ok(()) => report.calls = true,
        Err(why) => report.missing.push(why),
    }
}

/// A text that differs where filters differ.
pub(super) fn fingerprint(calls: Calls) -> Option<String> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    for one in filter(calls).ok()? {
        (one.code, one.jt, one.jf, one.k).hash(&mut hasher);
    }
    Some(format!("{:016x}", hasher.finish()))
}

fn filter(calls: Calls) -> Result<BpfProgram, String> {
    let failed = |error: &dyn std::fmt::Display| format!("system calls are not filtered: {error}");
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let (rules, otherwise, listed) = match calls {
        Calls::Signer => (allowed().map_err(|e| failed(&e))?, refuse, SeccompAction::Allow),
        Calls::NetworkProcess => {
            (denied(true).map_err(|e| failed(&e))?, SeccompAction::Allow, refuse)
        }
        Calls::Supervisor => (denied(false).map_err(|e| failed(&e))?, SeccompAction::Allow, refuse),
    };
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| failed(&e))?;
    let listed = SeccompFilter::new(rules, otherwise, listed, arch)
        .and_then(BpfProgram::try_from)
        .map_err(|error| failed(&error))?;
    Ok(match calls {
        // A list of what is allowed has no second numbers in it.
        Calls::Signer => listed,
        Calls::NetworkProcess | Calls::Supervisor => without_second_numbers(listed),
    })
}

/// Puts the refusal of x32 in front of a filter: on x86-64 every call has a
/// second number with this bit, under which a list of what is denied does not
/// name it. No other architecture has numbers that high.
fn without_second_numbers(listed: BpfProgram) -> BpfProgram {
    /// `__X32_SYSCALL_BIT` in the kernel's `asm/unistd.h`.
    const X32: u32 = 0x4000_0000;
    // From the kernel's `bpf_common.h` and `seccomp.h`.
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const ERRNO: u32 = 0x0005_0000;
    const NUMBER_AT: u32 = 0;
    let refuse = ERRNO | libc::EPERM.unsigned_abs();
    let mut program = vec![
        sock_filter { code: LOAD_WORD, jt: 0, jf: 0, k: NUMBER_AT },
        sock_filter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: X32 },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: refuse },
    ];
    program.extend(listed);
    program
}

/// A rule on one argument.
fn argument(
    index: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)?])
}

/// What the signer needs: files under its two directories, the sockets it was
/// given, threads, memory without new code, time. Notably without `socket`,
/// `connect`, `execve`, `ptrace`, `kill`, `bpf`, `io_uring`.
fn allowed() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = SIGNER.iter().map(|call| (*call, Vec::new())).collect();
    let no_code = || {
        let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
        argument(2, SeccompCmpOp::MaskedEq(executable), 0)
    };
    rules.insert(libc::SYS_mmap, vec![no_code()?]);
    rules.insert(libc::SYS_mprotect, vec![no_code()?]);
    let own = u64::from(std::process::id());
    // abort() signals its own thread.
    rules.insert(libc::SYS_tgkill, vec![argument(0, SeccompCmpOp::Eq, own)?]);
    rules.insert(
        libc::SYS_prlimit64,
        vec![argument(0, SeccompCmpOp::Eq, 0)?, argument(0, SeccompCmpOp::Eq, own)?],
    );
    let name_thread = u64::from(libc::PR_SET_NAME.unsigned_abs());
    let name_memory = 0x5356_4d41; // PR_SET_VMA, used by allocators to name memory
    rules.insert(
        libc::SYS_prctl,
        vec![
            argument(0, SeccompCmpOp::Eq, name_thread)?,
            argument(0, SeccompCmpOp::Eq, name_memory)?,
        ],
    );
    Ok(rules)
}

const SIGNER: &[c_long] = &[
    // Sockets it was given.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_close,
    libc::SYS_ppoll,
    libc::SYS_eventfd2,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_ioctl,
    // Files; Landlock says which.
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_getdents64,
    libc::SYS_fcntl,
    libc::SYS_pread64,
    // Memory.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_munlock,
    libc::SYS_getrandom,
    // Threads.
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_membarrier,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time, where it is not read without a call.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

/// What none of our processes has any business with.
const NOBODY: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
];

/// What a network process has no business with besides: other processes, and
/// doors that nobody gave it.
const NO_PROCESSES: &[c_long] = &[
    libc::SYS_listen,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_tkill,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
];

/// What changes a process by its number, the first argument: a limit on
/// processor time ends a process of the same user as surely as a signal does.
const OWN_PROCESS_ONLY: &[c_long] = &[
    libc::SYS_prlimit64,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
];

/// Requests of `fcntl` that let a file send signals to another process.
const SIGNAL_OWNER: &[libc::c_int] = &[libc::F_SETOWN, F_SETOWN_EX, F_SETSIG];
// From the kernel's headers (`fcntl.h`, `sockios.h`); not in the library.
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;

fn denied(processes: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = NOBODY.iter().map(|call| (*call, Vec::new())).collect();
    if processes {
        rules.extend(NO_PROCESSES.iter().map(|call| (*call, Vec::new())));
        let own = u64::from(std::process::id());
        for call in [libc::SYS_kill, libc::SYS_tgkill] {
            rules.insert(call, vec![argument(0, SeccompCmpOp::Ne, own)?]);
        }
        for call in OWN_PROCESS_ONLY {
            let not = |process| {
                SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, process)
            };
            rules.insert(*call, vec![SeccompRule::new(vec![not(0)?, not(own)?])?]);
        }
        let requests = SIGNAL_OWNER
            .iter()
            .map(|request| argument(1, SeccompCmpOp::Eq, u64::from(request.unsigned_abs())));
        rules.insert(libc::SYS_fcntl, requests.collect::<Result<_, _>>()?);
        rules.insert(
            libc::SYS_ioctl,
            vec![
                argument(1, SeccompCmpOp::Eq, FIOSETOWN)?,
                argument(1, SeccompCmpOp::Eq, SIOCSPGRP)?,
            ],
        );
    }
    Ok(rules)
}
