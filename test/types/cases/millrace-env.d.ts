import 'millrace';

declare module 'millrace' {
  interface ModelRows {
    daily_revenue: {
      day: string | null;
      revenue: string | null;
    };
  }
}
