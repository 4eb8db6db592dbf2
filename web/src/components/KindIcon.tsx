import {
  CreditCard,
  Fingerprint,
  Hash,
  type LucideIcon,
  Mail,
  MessageCircle,
  MessageSquare,
  MonitorSmartphone,
  Phone,
} from "lucide-react";

const icons: Record<string, LucideIcon> = {
  external_id: Hash,
  customer_card: CreditCard,
  phone: Phone,
  email: Mail,
  kakao_id: MessageCircle,
  line_id: MessageSquare,
  device_id: MonitorSmartphone,
};

/** The icon of an identifier's kind. Kinds that a policy adds share one. */
export function KindIcon({ kind }: { kind: string }) {
  const Icon = icons[kind] ?? Fingerprint;
  return <Icon size={14} strokeWidth={1.75} aria-hidden />;
}
