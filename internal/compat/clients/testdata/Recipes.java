import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.TransactionOp;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;

/** Drives servers with Curator: Recipes HOST:PORT,HOST:PORT,HOST:PORT */
public class Recipes {
	static final int PATIENCE = 60;
	static CuratorFramework a, b;

	static CuratorFramework client(String servers) throws Exception {
		CuratorFramework c = CuratorFrameworkFactory.builder().connectString(servers).sessionTimeoutMs(20_000)
			.authorization("digest", "user:secret".getBytes()).retryPolicy(new ExponentialBackoffRetry(50, 10)).build();
		c.start();
		same(c.blockUntilConnected(PATIENCE, TimeUnit.SECONDS), true);
		return c;
	}

	static void same(Object got, Object want) {
		if (!want.equals(got)) {
			throw new AssertionError("got " + got + ", want " + want);
		}
	}

	static void refused(KeeperException.Code code, Callable<?> what) throws Exception {
		try {
			what.call();
		} catch (KeeperException e) {
			same(e.code(), code);
			return;
		}
		throw new AssertionError("no " + code);
	}

	static void until(Callable<Boolean> holds) throws Exception {
		for (int i = 0; i < PATIENCE * 50 && !holds.call(); i++) {
			Thread.sleep(20);
		}
		same(holds.call(), true);
	}

	interface Work {
		void on(CuratorFramework c) throws Exception;
	}

	/** Does something with both clients at once. */
	static void both(Work work) throws Exception {
		ExecutorService threads = Executors.newFixedThreadPool(2);
		List<Future<?>> all = new ArrayList<>();
		for (CuratorFramework c : List.of(a, b)) {
			all.add(threads.submit(() -> {
				work.on(c);
				return null;
			}));
		}
		for (Future<?> f : all) {
			f.get(PATIENCE, TimeUnit.SECONDS);
		}
		threads.shutdown();
	}

	static void commands() throws Exception {
		same(a.create().creatingParentContainersIfNeeded().forPath("/c/d/e", "x".getBytes()), "/c/d/e");
		refused(KeeperException.Code.NODEEXISTS, () -> a.create().forPath("/c/d/e"));
		same(a.create().orSetData().forPath("/c/d/e", "y".getBytes()), "/c/d/e");
		same(new String(a.getData().forPath("/c/d/e")), "y");
		String mine = a.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/c/p-");
		same(mine.endsWith("p-0000000001"), true);
		a.create().withTtl(60_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/c/ttl");
		a.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath("/c/mine");
		same(a.getACL().forPath("/c/mine").get(0).getId().getId(), "user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=");
		TransactionOp op = a.transactionOp();
		same(a.transaction().forOperations(op.create().forPath("/c/t"), op.setData().forPath("/c/t", "2".getBytes()), op.check().withVersion(1).forPath("/c/t")).size(), 3);
		refused(KeeperException.Code.NONODE, () -> a.transaction().forOperations(op.create().forPath("/c/u"), op.delete().forPath("/none")));
		refused(KeeperException.Code.NOTEMPTY, () -> a.delete().forPath("/c"));
		a.delete().deletingChildrenIfNeeded().forPath("/c");
		same(a.checkExists().forPath("/c") == null, true);
	}

	static void locks() throws Exception {
		AtomicInteger inside = new AtomicInteger(), count = new AtomicInteger();
		both(c -> {
			InterProcessMutex mutex = new InterProcessMutex(c, "/mutex");
			for (int i = 0; i < 20; i++) {
				mutex.acquire();
				same(inside.incrementAndGet(), 1);
				count.incrementAndGet();
				inside.decrementAndGet();
				mutex.release();
			}
		});
		same(count.get(), 40);
		InterProcessReadWriteLock first = new InterProcessReadWriteLock(a, "/rw"), second = new InterProcessReadWriteLock(b, "/rw");
		first.readLock().acquire();
		same(second.readLock().acquire(PATIENCE, TimeUnit.SECONDS), true);
		second.readLock().release();
		same(second.writeLock().acquire(100, TimeUnit.MILLISECONDS), false);
		first.readLock().release();
		same(second.writeLock().acquire(PATIENCE, TimeUnit.SECONDS), true);
		InterProcessSemaphoreV2 leases = new InterProcessSemaphoreV2(a, "/semaphore", 1);
		leases.acquire();
		same(new InterProcessSemaphoreV2(b, "/semaphore", 1).acquire(100, TimeUnit.MILLISECONDS) == null, true);
	}

	static void election() throws Exception {
		LeaderLatch first = new LeaderLatch(a, "/latch", "a"), second = new LeaderLatch(b, "/latch", "b");
		first.start();
		same(first.await(PATIENCE, TimeUnit.SECONDS), true);
		second.start();
		until(() -> second.getParticipants().size() == 2);
		same(second.hasLeadership(), false);
		first.close();
		same(second.await(PATIENCE, TimeUnit.SECONDS), true);
		second.close();
	}

	static void numbers() throws Exception {
		both(c -> {
			DistributedAtomicLong number = new DistributedAtomicLong(c, "/number", new RetryNTimes(100, 5));
			for (int i = 0; i < 20; i++) {
				while (!number.increment().succeeded()) {
				}
			}
		});
		a.sync().forPath("/number");
		same(new DistributedAtomicLong(a, "/number", new RetryNTimes(1, 1)).get().postValue(), 40L);
		both(c -> same(new DistributedDoubleBarrier(c, "/barrier", 2).enter(PATIENCE, TimeUnit.SECONDS), true));
		SharedCount first = new SharedCount(a, "/shared", 1), second = new SharedCount(b, "/shared", 1);
		first.start();
		second.start();
		first.setCount(7);
		until(() -> second.getCount() == 7);
		first.close();
		second.close();
		BlockingQueue<String> taken = new LinkedBlockingQueue<>();
		both(c -> {
			SimpleDistributedQueue queue = new SimpleDistributedQueue(c, "/queue");
			for (int i = 0; i < 10; i++) {
				queue.offer("item".getBytes());
				taken.add(new String(queue.take()));
			}
		});
		same(taken.size(), 20);
	}

	static void caches() throws Exception {
		a.create().creatingParentsIfNeeded().forPath("/cache/x");
		b.sync().forPath("/cache");
		CountDownLatch all = new CountDownLatch(1);
		ConcurrentSkipListSet<String> seen = new ConcurrentSkipListSet<>();
		CuratorCache cache = CuratorCache.build(b, "/cache");
		cache.listenable().addListener(CuratorCacheListener.builder().forInitialized(all::countDown)
			.forAll((type, before, now) -> seen.add(type + " " + (now == null ? before : now).getPath())).build());
		cache.start();
		same(all.await(PATIENCE, TimeUnit.SECONDS), true);
		a.create().forPath("/cache/x/y");
		until(() -> seen.contains("NODE_CREATED /cache/x/y")); // of a node that is gone when the cache asks for its data it tells nothing
		a.setData().forPath("/cache/x", "1".getBytes());
		a.delete().forPath("/cache/x/y");
		until(() -> seen.containsAll(List.of("NODE_CHANGED /cache/x", "NODE_DELETED /cache/x/y")));
		cache.close();
		PersistentNode node = new PersistentNode(a, CreateMode.EPHEMERAL, false, "/persistent", new byte[0]);
		node.start();
		same(node.waitForInitialCreate(PATIENCE, TimeUnit.SECONDS), true);
		b.sync().forPath("/");
		until(() -> b.checkExists().forPath("/persistent") != null);
		b.delete().forPath("/persistent");
		until(() -> b.checkExists().forPath("/persistent") != null);
		node.close();
	}

	static void run(String servers) throws Exception {
		a = client(servers);
		b = client(servers);
		commands();
		locks();
		election();
		numbers();
		caches();
		a.close();
		b.close();
	}

	public static void main(String[] args) {
		try {
			run(args[0]);
			System.exit(0); // whatever threads Curator has left
		} catch (Throwable e) {
			e.printStackTrace();
			System.exit(1);
		}
	}
}
