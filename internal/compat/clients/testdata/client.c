/* Drives servers with ZooKeeper's client in C: client HOST:PORT,HOST:PORT,HOST:PORT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

enum { PATIENCE = 1200, MANY = 2000, LARGE = 1000000, TIMEOUT = 20000 };

/* Ends the program if something is not as it should be. */
#define SAME(got, want)                                                                                   \
	do {                                                                                              \
		long g = (got), w = (want);                                                               \
		if (g != w) {                                                                             \
			fprintf(stderr, "line %d: %s is %ld, want %ld\n", __LINE__, #got, g, w);          \
			exit(1);                                                                          \
		}                                                                                         \
	} while (0)

/* Waits until something holds. */
#define UNTIL(holds)                                                                                      \
	do {                                                                                              \
		for (int i = 0; i < PATIENCE && !(holds); i++)                                            \
			usleep(50000);                                                                    \
		SAME(!!(holds), 1);                                                                       \
	} while (0)

static char buffer[LARGE + 1];
static volatile int events[8], done, failed;

static void note(zhandle_t *z, int type, int state, const char *path, void *context)
{
	if (type > 0 && type < 8)
		__sync_fetch_and_add(&events[type], 1);
}

static void created(int rc, const char *path, const void *data)
{
	if (rc != ZOK)
		failed++;
	done++;
}

static void got(int rc, const char *value, int length, const struct Stat *stat, const void *data)
{
	if (rc != ZOK || length != 1)
		failed++;
	done++;
}

static zhandle_t *connected(const char *hosts, const clientid_t *id)
{
	zhandle_t *z = zookeeper_init(hosts, note, TIMEOUT, id, NULL, 0);
	UNTIL(zoo_state(z) == ZOO_CONNECTED_STATE);
	return z;
}

static int create(zhandle_t *z, const char *path, const char *data, int mode)
{
	return zoo_create(z, path, data, data ? strlen(data) : -1, &ZOO_OPEN_ACL_UNSAFE, mode, buffer, sizeof buffer);
}

static int get(zhandle_t *z, const char *path, struct Stat *stat)
{
	int length = sizeof buffer;
	int rc = zoo_wget(z, path, note, NULL, buffer, &length, stat);
	return rc == ZOK ? length : rc;
}

static void commands(zhandle_t *z)
{
	struct Stat stat;
	SAME(create(z, "/c", "x", 0), ZOK);
	SAME(create(z, "/c", "x", 0), ZNODEEXISTS);
	SAME(create(z, "/none/c", "x", 0), ZNONODE);
	SAME(zoo_create2(z, "/c/s-", "abc", 3, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL | ZOO_SEQUENCE, buffer, sizeof buffer, &stat), ZOK);
	SAME(strcmp(buffer, "/c/s-0000000000"), 0);
	SAME(stat.ephemeralOwner, zoo_client_id(z)->client_id);
	SAME(stat.dataLength, 3);
	SAME(create(z, "/c/container", NULL, ZOO_CONTAINER), ZOK);
	SAME(get(z, "/c/container", &stat), -1);
	SAME(zoo_create_ttl(z, "/c/ttl", "t", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 60000, buffer, sizeof buffer), ZOK);
	SAME(zoo_wexists(z, "/c/n", note, NULL, &stat), ZNONODE);
	SAME(create(z, "/c/n", "1", 0), ZOK);
	SAME(get(z, "/c/n", &stat), 1);
	SAME(zoo_set2(z, "/c/n", "22", 2, 0, &stat), ZOK);
	SAME(stat.version, 1);
	SAME(zoo_set(z, "/c/n", "3", 1, 0), ZBADVERSION);
	SAME(get(z, "/c/n", &stat), 2);
	SAME(zoo_delete(z, "/c", -1), ZNOTEMPTY);
	SAME(zoo_delete(z, "/c/n", -1), ZOK);
	UNTIL(events[1] == 1 && events[3] == 1 && events[2] == 1); /* created, changed, deleted */
	SAME(get(z, "/c", &stat), 1);
	SAME(zoo_remove_watches(z, "/c", ZWATCHTYPE_DATA, note, NULL, 0), ZOK);
	SAME(zoo_remove_watches(z, "/c", ZWATCHTYPE_DATA, note, NULL, 0), ZNOWATCHER);
	char *large = malloc(LARGE);
	memset(large, 'x', LARGE);
	SAME(zoo_create(z, "/c/large", large, LARGE, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
	SAME(get(z, "/c/large", &stat), LARGE);
	free(large);
}

static void transactions(zhandle_t *z)
{
	zoo_op_t ops[4];
	zoo_op_result_t results[4];
	struct Stat stat;
	char path[64];
	zoo_create_op_init(&ops[0], "/c/m", "q", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
	zoo_set_op_init(&ops[1], "/c/m", "r", 1, 0, &stat);
	zoo_check_op_init(&ops[2], "/c/m", 1);
	zoo_delete_op_init(&ops[3], "/c/m", 1);
	SAME(zoo_multi(z, 4, ops, results), ZOK);
	SAME(stat.version, 1);
	zoo_check_op_init(&ops[2], "/c/m", 7);
	SAME(zoo_multi(z, 4, ops, results), ZBADVERSION);
	SAME(results[2].err, ZBADVERSION);
	SAME(results[3].err, ZRUNTIMEINCONSISTENCY);
}

static void permissions(zhandle_t *z)
{
	struct ACL_vector acl;
	struct Stat stat;
	SAME(zoo_add_auth(z, "digest", "u:p", 3, NULL, NULL), ZOK);
	SAME(zoo_create(z, "/c/mine", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZOK);
	SAME(zoo_get_acl(z, "/c/mine", &acl, &stat), ZOK);
	SAME(acl.count, 1);
	SAME(strcmp(acl.data[0].id.id, "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="), 0);
	deallocate_ACL_vector(&acl);
	SAME(zoo_set_acl(z, "/c/mine", -1, &ZOO_READ_ACL_UNSAFE), ZOK);
	SAME(zoo_set(z, "/c/mine", "", 0, -1), ZNOAUTH);
}

static void pipelined(zhandle_t *z)
{
	char path[64];
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(path, sizeof path, "/c/a%d", i % MANY);
		if (i < MANY)
			SAME(zoo_acreate(z, path, "d", 1, &ZOO_OPEN_ACL_UNSAFE, 0, created, NULL), ZOK);
		else
			SAME(zoo_aget(z, path, 0, got, NULL), ZOK);
	}
	UNTIL(done == 2 * MANY);
	SAME(failed, 0);
}

/* A session goes on in another connection, and ends with it. */
static void sessions(zhandle_t *first, const char *hosts)
{
	clientid_t id = *zoo_client_id(first);
	SAME(create(first, "/c/e", "", ZOO_EPHEMERAL), ZOK);
	zhandle_t *z = connected(hosts, NULL);
	zookeeper_close(first); /* waits for no answer */
	struct Stat stat;
	UNTIL(zoo_async(z, "/", created, NULL) == ZOK && get(z, "/c/e", &stat) == ZNONODE);
	zhandle_t *late = zookeeper_init(hosts, note, TIMEOUT, &id, NULL, 0);
	UNTIL(zoo_state(late) == ZOO_EXPIRED_SESSION_STATE);
	zookeeper_close(late);
	zookeeper_close(z);
}

int main(int argc, char **argv)
{
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	zhandle_t *z = connected(argv[1], NULL);
	commands(z);
	transactions(z);
	permissions(z);
	pipelined(z);
	sessions(z, argv[1]);
	return 0;
}
