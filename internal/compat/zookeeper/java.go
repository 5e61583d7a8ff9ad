package zookeeper

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// jarDir is where Debian's packages put the programs in Java.
const jarDir = "/usr/share/java"

// jars are what servers and the command line client need, as patterns.
var jars = []string{
	"zookeeper.jar", "zookeeper-jute.jar", "slf4j-api.jar", "slf4j-simple.jar", "commons-cli.jar", "metrics-core.jar", "snappy-java.jar",
	"netty-*.jar", "jackson-*.jar", "jline2.jar", "jline.jar",
}

// ErrMissing says that ZooKeeper is not installed.
var ErrMissing = errors.New("ZooKeeper or Java is not installed (Debian: apt-get install zookeeper default-jre-headless)")

// Java is an installed ZooKeeper.
type Java struct {
	program   string
	classPath string
}

// Find looks for ZooKeeper and Java. The error is [ErrMissing] if they are not there.
func Find() (*Java, error) {
	program, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	var all []string
	for i, pattern := range jars {
		found, err := filepath.Glob(filepath.Join(jarDir, pattern))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && i == 0 {
			return nil, fmt.Errorf("%w: no %s in %s", ErrMissing, pattern, jarDir)
		}
		all = append(all, found...)
	}
	return &Java{program: program, classPath: strings.Join(all, ":")}, nil
}

// Command prepares a run of a class with system properties and arguments; the heap is small, and the start quick.
func (j *Java) Command(class string, properties, args []string) *exec.Cmd {
	all := []string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", j.classPath,
	}
	for _, p := range properties {
		all = append(all, "-D"+p)
	}
	return exec.Command(j.program, append(append(all, class), args...)...)
}
