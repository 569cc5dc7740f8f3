import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.core.SdkBytes;

/** What record n is: {@code payloads.ts} says the same in the test's language. */
final class Payload {
    private Payload() {}

    static String key(int n, int keys) {
        return "key-" + n % keys;
    }

    /** {@code json}: a row of the defined stream. {@code bytes}: no text in any encoding. */
    static SdkBytes data(String form, String key, int n) {
        return SdkBytes.fromByteArray(form.equals("json") ? row(key, n) : bytes(n));
    }

    private static byte[] row(String key, int n) {
        return ("{\"key\":\"" + key + "\",\"n\":" + n + "}").getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] bytes(int n) {
        ByteBuffer data = ByteBuffer.allocate(6 + n % 300);
        data.put((byte) 0xff).put((byte) 0).putInt(n);
        for (int at = 0; data.hasRemaining(); at++) data.put((byte) (at * 31 + n));
        return data.array();
    }
}
