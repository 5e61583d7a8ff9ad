package main

import "testing"

func TestPathsAreCompleted(t *testing.T) { onBoth(t, testPathsAreCompleted) }

func testPathsAreCompleted(t *testing.T, sh shell) {
	sh.ok("create", "-p", "/app/config/a")
	sh.ok("create", "/app/control")
	sh.ok("create", "/apple")
	equal(t, sh.ok("__complete", "get", "/app"), "/app/\n/apple\n:6\n")
	equal(t, sh.ok("__complete", "acl", "get", "/app/con"), "/app/config/\n/app/control\n:6\n")
	equal(t, sh.ok("__complete", "ls", "-R", ""), "/app/\n/apple\n/zookeeper/\n:6\n")
	equal(t, sh.ok("__complete", "import", "dir", "/app/config/"), "/app/config/a\n:6\n")
	equal(t, sh.ok("__complete", "get", "/none/"), ":5\n")
	equal(t, sh.ok("__complete", "create", "/app", ""), ":0\n")
}
