"""FTP servers with one planted bug each: FEAT, OPTS, the registry, MLST and MLSD."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M

F = M.features


def without(*labels: str) -> tuple[str, ...]:
    return tuple(label for label in F if label not in labels)


class EmptyList(M):
    def do_FEAT(self, argument):
        self.lines("211", [], "211 End")


class OddEnd(M):
    def do_FEAT(self, argument):
        self.lines("211", [" SIZE"], "211 That was all")


class CapitalFeat(M):
    def verb(self, word):
        return word if word.upper() == "FEAT" else super().verb(word)


class NoOpts(M):
    def verb(self, word):
        return "?" if word.upper() == "OPTS" else super().verb(word)


class OptsNeedsNothing(M):
    def do_OPTS(self, argument):
        super().do_OPTS(argument) if argument else self.say("200 OK")


class OptsOpts(M):
    def do_OPTS(self, argument):
        self.say("200 OK") if argument == "OPTS" else super().do_OPTS(argument)


# -- MLST and MLSD


class MlstTwice(M):
    def do_MLST(self, argument):
        path = self.path(argument)
        for line in ("250-Listing", f" {self.entry(path, path)}", f" {self.entry(path, path)}", "250 End"):
            self.say(line)


class MlstOfRoot(M):
    """Without an argument something else is told."""

    def do_MLST(self, argument):
        super().do_MLST(argument or "/readme.txt")


class MlstShortName(M):
    def do_MLST(self, argument):
        if argument:
            super().do_MLST(argument)
        else:
            self.lines("250", [f" {self.entry(self.cwd, 'here')}"], "250 End")


class MlstAddsToName(M):
    def entry(self, path, name):
        return super().entry(path, f"{name}*" if name.startswith("/") else name)


class MlstOfNothing(M):
    def do_MLST(self, argument):
        if self.path(argument) in (*self.files, *self.folders):
            super().do_MLST(argument)
        else:
            self.lines("250", [f" type=file; {argument}"], "250 End")


class MlsdForgetsFiles(M):
    def do_MLSD(self, argument):
        self.list("/reports", self.facts)


class MlsdWithSpaces(M):
    def told(self, path):
        return super().told(path).replace(";", "; ")


class MlsdAlwaysItself(M):
    """Has an entry for the directory, whatever facts were chosen."""

    def listing(self, lines):
        itself = "type=cdir;" if "type" in self.chosen else "size=0;"
        return super().listing([f"{itself} .", *lines])


def odd_fact(fact: str, value: str) -> dict[str, object]:
    def told(self, path):
        return f"{fact}={value};" + M.told(self, path)

    return {"told": told}


class UniqueForAll(M):
    def fact(self, fact, path):
        return "same" if fact == "unique" else super().fact(fact, path)


class UniqueEveryTime(M):
    count = 0

    def fact(self, fact, path):
        self.count += 1
        return str(self.count) if fact == "unique" else super().fact(fact, path)


class OptsChooseNothing(M):
    """Says so and sends all facts as before."""

    def choose(self, facts):
        before = self.chosen
        super().choose(facts)
        self.chosen = before


class OptsKeepsAsterisks(M):
    def feature(self, label):
        return "MLST type*;size*;modify*;perm*;unique*;" if label == "MLST" else super().feature(label)


class OptsEmptyWithoutSpace(M):
    def entry(self, path, name):
        return super().entry(path, name).lstrip(" ")


class OptsTakesSpaces(M):
    def do_OPTS(self, argument):
        super().do_OPTS(argument[:5] + argument[5:].replace(" ", ";"))


class OptsRefusesUnknown(M):
    def choose(self, facts):
        super().choose(facts) if set(facts) <= {"type", "size", "modify"} else self.no_options()


class OptsMlsd(M):
    def do_OPTS(self, argument):
        super().do_OPTS(argument.replace("MLSD", "MLST"))


class SevenBitNames(M):
    def quoted(self, path):
        return super().quoted(path.encode("utf-8", "surrogateescape").decode("ascii", "replace"))


MUTANTS: list[Mutant] = [
    # FEAT and OPTS
    planted("feat_odd_end", "feat-list-ends", OddEnd),
    planted("feat_empty_list", "feat-none-in-one-line", EmptyList),
    planted("capital_feat", "feat-small-letters[small|mixed]", CapitalFeat),
    planted("feat_before_login_150", "feat-before-login", **answering("FEAT", "150 Wait", logged_in=False)),
    planted("feat_two_to_a_line", "feat-one-to-a-line", features=("SIZE MDTM", *without("SIZE", "MDTM"))),
    planted(
        "feat_small",
        "feat-upper-case[SIZE|MDTM|UTF8|HOST|REST]",
        features=tuple(label.lower() for label in F),
    ),
    *(
        planted(f"lists_{verb}_without_it", f"feat-tells-the-truth[{verb}]", **answering(verb, "502 No"))
        for verb in ("SIZE", "MDTM", "MLST", "EPSV")
    ),
    planted(
        "lists_HOST_without_it",
        "feat-tells-the-truth[HOST] host-own-address",
        do_HOST=saying("502 No"),
        late_host=saying("502 No"),
    ),
    *(
        planted(f"hides_{label}", f"feat-is-complete[{label}]", features=without(label))
        for label in ("SIZE", "MDTM", "MLST")
    ),
    planted("hides_rest", "feat-rest-stream", features=without("REST STREAM")),
    planted("pseudo_codes", "feat-no-pseudo-codes", features=(*F, "base")),
    planted("bare_rest", "feat-registered-form[REST]", features=(*without("REST STREAM"), "REST")),
    planted("bare_auth", "feat-registered-form[AUTH]", features=(*without("AUTH TLS"), "AUTH")),
    planted("bare_type", "feat-registered-form[TYPE]", features=(*F, "TYPE")),
    planted("no_opts", "opts-implemented", NoOpts),
    planted("opts_needs_nothing", "opts-without-command", OptsNeedsNothing),
    planted("opts_opts", "opts-opts", OptsOpts),
    # MLST
    planted("mlst_213", "mlst", **rewording("250-Listing", "213-Listing"), do_MLST=saying("213 type=dir; /")),
    planted("mlst_twice", "mlst-one-entry", MlstTwice),
    planted("mlst_of_another", "mlst-without-argument", MlstOfRoot),
    planted("mlst_short_name", "mlst-current-directory", MlstShortName),
    planted("mlst_adds_to_name", "mlst-name", MlstAddsToName),
    planted("mlst_of_nothing", "mlst-missing", MlstOfNothing),
    *(
        planted(
            f"{verb}_for_all", f"mlst-before-login[{verb}]", **answering(verb, "150 Here", logged_in=False)
        )
        for verb in ("MLST", "MLSD")
    ),
    # MLSD
    planted("mlsd_forgets_files", "mlsd-without-argument", MlsdForgetsFiles),
    planted("mlsd_with_spaces", "facts-without-space", MlsdWithSpaces),
    planted("mlsd_always_itself", "mlsd-no-cdir-without-type", MlsdAlwaysItself),
    planted("fact_type_folder", "fact[type]", **odd_fact("Type", "folder")),
    planted("fact_size_words", "fact[size]", **odd_fact("size", "big")),
    planted("fact_modify_date", "fact[modify]", **odd_fact("modify", "2026-01-02")),
    planted("fact_perm_x", "fact[perm]", **odd_fact("perm", "rwx")),
    planted("unique_for_all", "fact-unique", UniqueForAll),
    planted("unique_every_time", "fact-unique", UniqueEveryTime),
    # the feature, and OPTS MLST
    planted("mlst_feature_commas", "mlst-feature", features=(*without("MLST"), "MLST type*,size*")),
    planted("mlst_feature_own", "mlst-feature-names", features=(*without("MLST"), "MLST type*;owner;")),
    planted("mlst_feature_few", "mlst-feature-facts", features=(*without("MLST"), "MLST type*;size*;")),
    planted("mlsd_feature", "mlsd-no-feature", features=(*F, "MLSD")),
    planted("mlst_without_mlsd", "mlst-means-mlsd", **answering("MLSD", "502 No")),
    planted("mlst_without_utf8", "mlst-means-utf8", features=without("UTF8")),
    planted("opts_mlst_ok", "opts-mlst[known]", **rewording("200 MLST OPTS", "200 OK")),
    planted("opts_mlst_refused", "opts-mlst[known|accepted|unknown]", choose=saying("501 No")),
    planted("opts_choose_nothing", "opts-mlst-selects opts-mlst-empty", OptsChooseNothing),
    planted("opts_keeps_asterisks", "opts-mlst-moves-asterisks", OptsKeepsAsterisks),
    planted("opts_empty_without_space", "opts-mlst-empty", OptsEmptyWithoutSpace),
    planted("opts_takes_spaces", "opts-mlst-malformed", OptsTakesSpaces),
    planted("opts_refuses_unknown", "opts-mlst[unknown]", OptsRefusesUnknown),
    planted(
        "opts_before_login_350", "opts-mlst-before-login", **answering("OPTS", "350 More", logged_in=False)
    ),
    planted("opts_mlsd", "opts-mlsd", OptsMlsd),
    planted("seven_bit_names", "octets-above-127[eight-bits|not-utf8|raw] utf8-name", SevenBitNames),
]
