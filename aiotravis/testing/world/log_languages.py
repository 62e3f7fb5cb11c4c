"""What small projects in several languages print in their logs, for `sample_log`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["LANGUAGES", "Language"]


@dataclass(frozen=True)
class Language:
    """Commands of a project in one language and their output, as complete lines.

    Attributes:
        setup: Commands that set up the language; Travis times them before `install`.
        setup_output: What they print.
        setup_fold: Fold around them; None where there is none (fact 10.3).
        versions: Commands that print versions, and what they print; Travis does not time them.
        install: Command that installs what the project needs; Travis retries it.
        installed: What it prints.
        not_installed: What it prints as it fails.
        script: Commands of the script, unless the configuration has its own.
        passed: What the last of them prints.
        failed: What it prints as it fails.
        code: Exit code of a command that fails.
    """

    setup: str
    setup_output: str
    setup_fold: str | None
    versions: tuple[tuple[str, str], ...]
    install: str
    installed: str
    not_installed: str
    script: tuple[str, ...]
    passed: str
    failed: str
    code: int = 1


def _bar(name: str, width: int) -> str:
    """Return a progress bar, drawn over itself after carriage returns."""
    steps = (f"{name} {'█' * n:{width}}| {n * 100 // width:3}%" for n in range(0, width + 1, 2))
    return "\r".join(f"    {step}" for step in steps) + "\n"


def _gems() -> str:
    return "".join(f"Fetching gem-{n} {n}.{n * 7 % 10}.0\nInstalling gem-{n}\n" for n in range(1, 25))


def _dots(others: int) -> str:
    dot, other = "\x1b[32m.\x1b[0m", "\x1b[33m*\x1b[0m"
    return "".join(other if n % 37 < others else dot for n in range(240)) + "\n\n"


LANGUAGES: Final[Mapping[str, Language]] = {
    "ruby": Language(
        setup="rvm use 2.7 --install --binary --fuzzy",
        setup_output="Using /home/travis/.rvm/gems/ruby-2.7.2\n",
        setup_fold="rvm",
        versions=(
            ("export BUNDLE_GEMFILE=$PWD/Gemfile", ""),
            ("ruby --version", "ruby 2.7.2p137 (2020-10-01 revision 5445e04352) [x86_64-linux]\n"),
            ("bundle --version", "Bundler version 2.1.4\n"),
        ),
        install="bundle install --jobs=3 --retry=3",
        installed=f"{_gems()}Bundle complete! 24 gems.\n",
        not_installed="Could not find gem 'gem-7 (~> 7.9)' in any of the gem sources listed in your Gemfile.\n",
        script=("bundle exec rake spec",),
        passed=f"{_dots(1)}Finished in 12.3 s – größtenteils schnell ✓\n\x1b[32m480 examples, 0 failures\x1b[0m\n",
        failed=f"{_dots(2)}Finished in 12.3 s – größtenteils schnell ✓\n\x1b[31m480 examples, 3 failures\x1b[0m\n",
    ),
    "python": Language(
        setup="source ~/virtualenv/python3.6/bin/activate",
        setup_output="",
        setup_fold=None,
        versions=(
            ("python --version", "Python 3.6.7\n"),
            ("pip --version", "pip 20.1.1 from /home/travis/virtualenv/python3.6.7/lib/python3.6/site-packages/pip\n"),
        ),
        install="pip install -r requirements.txt",
        installed="Collecting lxml\n  Downloading lxml-4.6.3-cp36-cp36m-manylinux1_x86_64.whl (5.5 MB)\n"
        f"{_bar('', 32)}Installing collected packages: lxml\nSuccessfully installed lxml-4.6.3\n",
        not_installed="ERROR: Could not find a version that satisfies the requirement lxml==99 (from versions: 4.6.3)\n"
        "ERROR: No matching distribution found for lxml==99\n",
        script=("flake8 .", "pytest"),
        passed="\x1b[1m============ test session starts ============\x1b[0m\ncollected 3 items\n\n"
        "tests/test_app.py \x1b[32m.\x1b[0m\x1b[32m.\x1b[0m\x1b[32m.\x1b[0m\x1b[32m   [100%]\x1b[0m\n\n"
        "\x1b[32m============ \x1b[1m3 passed\x1b[0m\x1b[32m in 0.12s ============\x1b[0m\n",
        failed="\x1b[1m============ test session starts ============\x1b[0m\ncollected 3 items\n\n"
        "tests/test_app.py \x1b[32m.\x1b[0m\x1b[31mF\x1b[0m\x1b[32m.\x1b[0m\x1b[31m   [100%]\x1b[0m\n\n"
        "\x1b[1m\x1b[31mE       assert 4 == 5\x1b[0m\n\n"
        "\x1b[31m=== \x1b[31m\x1b[1m1 failed\x1b[0m, \x1b[32m2 passed\x1b[0m\x1b[31m in 0.15s ===\x1b[0m\n",
    ),
    "node_js": Language(
        setup="nvm install 10",
        setup_output="Downloading and installing node v10.24.1...\n"
        "Downloading https://nodejs.org/dist/v10.24.1/node-v10.24.1-linux-x64.tar.xz...\n"
        + "\r".join(f"{'#' * n:72} {n * 100 / 72:5.1f}%" for n in range(0, 73, 8))
        + "\nComputing checksum with sha256sum\nChecksums matched!\nNow using node v10.24.1 (npm v6.14.12)\n",
        setup_fold="nvm.install",
        versions=(("node --version", "v10.24.1\n"), ("npm --version", "6.14.12\n"), ("nvm --version", "0.37.2\n")),
        install="npm ci ",
        installed="added 1208 packages in 14.031s\n",
        not_installed="npm ERR! code E404\nnpm ERR! 404 Not Found - GET https://registry.npmjs.org/left-pad-9\n",
        # yarn prints a command of its own.
        script=("yarn test",),
        passed="yarn run v1.22.4\n$ mocha\n\n  \x1b[32m✓\x1b[0m adds\n\n\x1b[92m  1 passing\x1b[0m\n\nDone in 1.24s.\n",
        failed="yarn run v1.22.4\n$ mocha\n\n  \x1b[31m1) adds\x1b[0m\n\n\x1b[31m  1 failing\x1b[0m\n\n"
        "error Command failed with exit code 1.\n",
    ),
    "go": Language(
        setup='GIMME_OUTPUT="$(gimme 1.15 | tee -a ${TRAVIS_HOME}/.bashrc)" && eval "$GIMME_OUTPUT"',
        setup_output="go version go1.15.8 linux/amd64\n",
        setup_fold=None,
        versions=(
            ("export GOPATH=${TRAVIS_HOME}/gopath", ""),
            ("go version", "go version go1.15.8 linux/amd64\n"),
            ("go env", 'GO111MODULE=""\nGOARCH="amd64"\nGOOS="linux"\n'),
        ),
        install="go get -t -v ./...",
        installed="github.com/pkg/errors (download)\ngithub.com/pkg/errors\n",
        not_installed='package example.org/gone: unrecognized import path "example.org/gone": reading '
        "https://example.org/gone?go-get=1: 404 Not Found\n",
        script=("go test -v ./...",),
        passed="=== RUN   TestAdd\n--- PASS: TestAdd (0.00s)\nPASS\nok  \tgithub.com/acme/app\t0.004s\n",
        failed="=== RUN   TestAdd\n    add_test.go:9: got 4, want 5\n--- FAIL: TestAdd (0.00s)\nFAIL\n"
        "FAIL\tgithub.com/acme/app\t0.004s\nFAIL\n",
    ),
    "java": Language(
        setup="jdk_switcher use openjdk8",
        setup_output="Switching to OpenJDK8 (java-1.8.0-openjdk-amd64), JAVA_HOME will be set to "
        "/usr/lib/jvm/java-8-openjdk-amd64\n",
        setup_fold=None,
        versions=(
            ("export TERM=dumb", ""),
            ("java -Xmx32m -version", 'openjdk version "1.8.0_252"\n'),
            ("javac -J-Xmx32m -version", "javac 1.8.0_252\n"),
        ),
        install="mvn install -DskipTests=true -Dmaven.javadoc.skip=true -B -V",
        installed="Apache Maven 3.6.3\n[INFO] Scanning for projects...\n[INFO] BUILD SUCCESS\n",
        not_installed="[ERROR] Failed to execute goal on project app: Could not resolve dependencies for project "
        "org.acme:app:jar:1.0\n[INFO] BUILD FAILURE\n",
        script=("mvn test -B",),
        passed="[INFO] Tests run: 12, Failures: 0, Errors: 0, Skipped: 0\n[INFO] BUILD SUCCESS\n",
        failed="[ERROR] Tests run: 12, Failures: 1, Errors: 0, Skipped: 0\n[INFO] BUILD FAILURE\n",
    ),
    "php": Language(
        setup="phpenv global 7.4 2>/dev/null",
        setup_output="",
        setup_fold=None,
        versions=(
            ("php --version", "PHP 7.4.6 (cli) (built: May 14 2020 10:04:01) ( NTS )\n"),
            ("composer --version", "Composer version 1.10.6 2020-05-06 10:28:10\n"),
        ),
        install="composer install --no-interaction",
        installed="Loading composer repositories with package information\n"
        "  - Installing symfony/polyfill (v1.22.1): \x1b[0m  Downloading (0%)\rDownloading (100%)\n"
        "Generating autoload files\n",
        not_installed="Your requirements could not be resolved to an installable set of packages.\n",
        script=("composer validate", "vendor/bin/phpunit"),
        passed="PHPUnit 9.5.4 by Sebastian Bergmann and contributors.\n\n...  3 / 3 (100%)\n\n"
        "\x1b[30;42mOK (3 tests, 5 assertions)\x1b[0m\n",
        failed="PHPUnit 9.5.4 by Sebastian Bergmann and contributors.\n\n.F.  3 / 3 (100%)\n\n"
        "\x1b[37;41mFAILURES!\x1b[0m\n\x1b[37;41mTests: 3, Assertions: 5, Failures: 1.\x1b[0m\n",
        code=2,
    ),
}
"""Languages by the name that .travis.yml gives them."""
