//! Where findings go: `--format` says what stdout gets, `--output` what files get.

use std::path::PathBuf;

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    cli::{CliError, ErrorCode, output},
    diagnostic::closest,
    report::{
        findings::{Findings, Format, render},
        human,
    },
};

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()).help(self.doc()))
    }
}

/// `FILE`, or `FORMAT:FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    /// The format; without one, that of `--format`.
    format: Option<Format>,
    /// The file.
    file: PathBuf,
}

/// Takes the value of `--output` apart. What stands before a colon is a format, unless it is one
/// letter (a drive) or holds what no format does (a path).
pub(super) fn parse(text: &str) -> Result<Output, String> {
    let word = |text: &str| text.len() > 1 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let (format, file) = match text.split_once(':') {
        Some((name, file)) if word(name) => {
            let format = Format::ALL
                .into_iter()
                .find(|format| format.as_str() == name)
                .ok_or_else(|| {
                    let names = Format::ALL.map(Format::as_str);
                    match closest(name, names) {
                        Some(near) => format!("`{name}` is no format; did you mean `{near}`?"),
                        None => format!("`{name}` is none of the formats {}", names.join(", ")),
                    }
                })?;
            (Some(format), file)
        }
        _ => (None, text),
    };
    if file.is_empty() {
        return Err("the name of the file is missing".to_owned());
    }
    Ok(Output {
        format,
        file: file.into(),
    })
}

/// What the whole run is shown as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Targets<'a> {
    /// `--format`.
    pub format: Format,
    /// `--output`, each.
    pub outputs: &'a [Output],
}

impl Targets<'_> {
    /// What does not go together.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let mut without_format = self.outputs.iter().filter(|one| one.format.is_none());
        if let (Some(_), Some(second)) = (without_format.next(), without_format.next()) {
            return Err(CliError::new(
                ErrorCode::Usage,
                "--output without a format is given twice",
            )
            .with_hint(format!(
                "Say what the other file gets, as in --output sarif:{}.",
                second.file.display()
            )));
        }
        for (at, one) in self.outputs.iter().enumerate() {
            if self.outputs[..at]
                .iter()
                .any(|earlier| earlier.file == one.file)
            {
                return Err(CliError::new(
                    ErrorCode::Usage,
                    format!("two outputs would go to {}", one.file.display()),
                )
                .with_hint("Give each format a file of its own."));
            }
        }
        Ok(())
    }

    /// Whether any of them is this format.
    pub(super) fn include(&self, format: Format) -> bool {
        self.format == format || self.outputs.iter().any(|one| one.format == Some(format))
    }

    /// Writes all of them; `explained` is a rule with a page, to point at.
    pub(super) fn write(
        &self,
        findings: &Findings<'_>,
        explained: Option<&str>,
    ) -> Result<(), CliError> {
        let summary = human::summary(findings.shown, findings.files.len(), explained) + "\n";
        for one in self.outputs {
            let format = one.format.unwrap_or(self.format);
            let mut text = render(format, findings);
            if format == Format::Human {
                text.push_str(&summary);
            }
            let plain = anstream::adapter::strip_str(&text).to_string();
            std::fs::write(&one.file, plain).map_err(|error| {
                CliError::new(
                    ErrorCode::Usage,
                    format!("cannot write {}: {error}", one.file.display()),
                )
                .with_hint("Check that the folder exists and that you may write there.")
            })?;
        }
        if self.outputs.iter().all(|one| one.format.is_some()) {
            output::result(&render(self.format, findings));
        }
        if self.format == Format::Human {
            output::note(&summary);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_stands_before_a_colon_and_a_path_may_hold_one() {
        let of = |text| parse(text).map(|output| (output.format, output.file));
        assert_eq!(
            of("sarif:a.sarif"),
            Ok((Some(Format::Sarif), "a.sarif".into()))
        );
        assert_eq!(of("a.txt"), Ok((None, "a.txt".into())));
        assert_eq!(of("./json:x"), Ok((None, "./json:x".into())));
        assert_eq!(of("c:/a.txt"), Ok((None, "c:/a.txt".into())));
        assert!(of("srif:a").unwrap_err().contains("`sarif`"));
        assert!(of("pdf:a").unwrap_err().contains("human, json"));
        assert!(of("json:").is_err());
    }
}
