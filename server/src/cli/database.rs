//! Protection from other users of the machine: the password of a database, and the folder of an embedded one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, bail};

/// The password of a file, or else of the environment.
pub(super) fn password(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(path) = file else {
        return Ok(std::env::var("PROFILE360_DB_PASSWORD").ok().filter(|text| !text.is_empty()));
    };
    let text = fs::read_to_string(path)
        .with_context(|| format!("the file of the database's password, {}, cannot be read", path.display()))?;
    // Editors append a newline, which is not part of the password.
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("the file of the database's password, {}, is empty", path.display());
    }
    Ok(Some(password.to_owned()))
}

/// Adds the password to the address of a server.
pub(super) fn with_password(url: &str, password: Option<&str>) -> anyhow::Result<String> {
    let (Some(password), Some((scheme @ ("ws" | "wss"), rest))) = (password, url.split_once("://")) else {
        return Ok(url.to_owned());
    };
    let Some((user, host)) = rest.rsplit_once('@') else {
        bail!("a password of the database is given and no user; name it in the address, as {scheme}://USER@HOST");
    };
    if user.contains(':') {
        bail!("a password of the database is given twice; leave it out of the address");
    }
    Ok(format!("{scheme}://{user}:{password}@{host}"))
}

/// Warns if other users of the machine can see the password or the data.
pub(super) fn warn_of_others(url: &str) {
    let is_shown = |url: &str| std::env::args().any(|argument| argument.ends_with(url));
    if let Some((_, rest)) = url.split_once("://")
        && rest.rsplit_once('@').is_some_and(|(credentials, _)| credentials.contains(':'))
        && is_shown(url)
    {
        tracing::warn!(
            "the database's password is in the command line, where others see it in the list of processes; give it with \
             --db-password-file or PROFILE360_DB_PASSWORD"
        );
    }
    let Some(("surrealkv" | "rocksdb", rest)) = url.split_once("://") else { return };
    let path = rest.split('?').next().unwrap_or(rest);
    if fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
        tracing::warn!("others on this machine can read the customers of this database; run: chmod -R go= {path}");
    }
}

#[cfg(test)]
mod tests {
    use super::with_password;

    #[test]
    fn the_password_goes_into_the_address_of_a_server() {
        let given = |url: &str| with_password(url, Some("a:b@c")).map_err(|error| error.to_string());
        assert_eq!(given("wss://root@db.example:8000"), Ok("wss://root:a:b@c@db.example:8000".to_owned()));
        assert_eq!(given("surrealkv://./data?sync=every"), Ok("surrealkv://./data?sync=every".to_owned()));
        assert_eq!(given("mem://"), Ok("mem://".to_owned()));
        assert!(given("ws://db.example").unwrap_err().contains("USER@HOST"));
        assert!(given("ws://root:x@db.example").unwrap_err().contains("twice"));
        assert_eq!(with_password("ws://root:x@h", None).unwrap(), "ws://root:x@h");
    }
}
