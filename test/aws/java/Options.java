import java.util.HashMap;
import java.util.Map;

/** Arguments of a program: {@code --name value} pairs. */
final class Options {
    private final Map<String, String> values = new HashMap<>();

    Options(String[] arguments) {
        if (arguments.length % 2 != 0) throw new IllegalArgumentException("arguments are --name value pairs");
        for (int at = 0; at < arguments.length; at += 2) {
            if (!arguments[at].startsWith("--"))
                throw new IllegalArgumentException(arguments[at] + " is no --name");
            values.put(arguments[at].substring(2), arguments[at + 1]);
        }
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) throw new IllegalArgumentException("--" + name + " is missing");
        return value;
    }

    String text(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    int number(String name) {
        return Integer.parseInt(text(name));
    }

    int number(String name, int otherwise) {
        return values.containsKey(name) ? number(name) : otherwise;
    }
}
