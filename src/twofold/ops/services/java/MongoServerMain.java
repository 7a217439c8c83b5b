import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;

/** Serves MongoDB's protocol on a loopback port, keeping its data in a file. */
public class MongoServerMain {
    public static void main(String[] arguments) {
        MongoServer server = new MongoServer(new H2Backend(arguments[0]));
        server.bind("127.0.0.1", Integer.parseInt(arguments[1]));
        // Only a clean end writes everything that was acknowledged.
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    }
}
